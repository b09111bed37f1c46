/*
 * libxmlsec1 at the same work: verifies and signs the messages that the benchmark wrote, each as a whole, from the text to
 * the verdict or to the text. Keys are read once; a signature gets a copy of the parsed key, as the library wants it.
 *
 * Called with a folder. Reads lines "verify NAME TIMES" and "sign NAME TIMES"; answers each with the CPU time of this thread
 * in nanoseconds. A message that does not verify ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#define LARGEST (256 * 1024)

static const xmlChar *const IDS[] = {BAD_CAST "ID", NULL};

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static long long cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static char *load(const char *dir, const char *name, const char *end, int *size) {
    static char text[LARGEST];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", dir, name, end);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path);
    *size = (int)fread(text, 1, sizeof text, file);
    fclose(file);
    return text;
}

/* Parses the message, names its identifiers and gives the library the key. */
static xmlSecDSigCtxPtr begin(const char *text, int size, xmlSecKeyPtr key, xmlDocPtr *doc, xmlNodePtr *signature) {
    *doc = xmlReadMemory(text, size, NULL, NULL, XML_PARSE_NONET);
    if (*doc == NULL) fail("not parsed");
    xmlSecAddIDs(*doc, xmlDocGetRootElement(*doc), (const xmlChar **)IDS);
    *signature = xmlSecFindNode(xmlDocGetRootElement(*doc), xmlSecNodeSignature, xmlSecDSigNs);
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
    if (*signature == NULL || context == NULL) fail("no signature");
    context->signKey = xmlSecKeyDuplicate(key);
    if (context->signKey == NULL) fail("no key");
    return context;
}

static void verify(const char *text, int size, xmlSecKeyPtr key) {
    xmlDocPtr doc;
    xmlNodePtr signature;
    xmlSecDSigCtxPtr context = begin(text, size, key, &doc, &signature);
    if (xmlSecDSigCtxVerify(context, signature) < 0 || context->status != xmlSecDSigStatusSucceeded) fail("not verified");
    xmlSecDSigCtxDestroy(context);
    xmlFreeDoc(doc);
}

static void sign(const char *text, int size, xmlSecKeyPtr key) {
    xmlDocPtr doc;
    xmlNodePtr signature;
    xmlChar *out;
    int length;
    xmlSecDSigCtxPtr context = begin(text, size, key, &doc, &signature);
    if (xmlSecDSigCtxSign(context, signature) < 0) fail("not signed");
    xmlDocDumpMemory(doc, &out, &length);
    xmlFree(out);
    xmlSecDSigCtxDestroy(context);
    xmlFreeDoc(doc);
}

static void turn(const char *dir, const char *verb, const char *name, long times) {
    char path[1024];
    int size, signing = strcmp(verb, "sign") == 0;
    const char *text = load(dir, name, signing ? ".template.xml" : ".xml", &size);
    snprintf(path, sizeof path, "%s/%s%s", dir, name, signing ? ".key.der" : ".pub.der");
    xmlSecKeyPtr key = xmlSecCryptoAppKeyLoad(path, xmlSecKeyDataFormatDer, NULL, NULL, NULL);
    if (key == NULL) fail("the key is not read");
    long long began = cpu();
    for (long count = 0; count < times; count++) {
        if (signing) sign(text, size, key);
        else verify(text, size, key);
    }
    printf("%lld\n", cpu() - began);
    fflush(stdout);
    xmlSecKeyDestroy(key);
}

int main(int count, char **words) {
    char line[256], verb[16], name[128];
    long times;
    if (count != 2) fail("usage: xmlsec-peer FOLDER");
    xmlInitParser();
    if (xmlSecInit() < 0 || xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0) fail("libxmlsec1 does not start");
    printf("%s\n", xmlSecGetDefaultCrypto() == NULL ? "" : XMLSEC_VERSION);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%15s %127s %ld", verb, name, &times) != 3) fail("what?");
        turn(words[1], verb, name, times);
    }
    return 0;
}
