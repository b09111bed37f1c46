<?php
// A SAML application made of SimpleSAMLphp, to hold Acquit against software by others. Run by PHP's own web server:
//   SIMPLESAMLPHP_CONFIG_DIR=… SAML_PEER_PORT=… php -S 127.0.0.1:… router.php
declare(strict_types=1);

const PROGRAM = '/usr/share/simplesamlphp';

$path = (string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (preg_match('#^/simplesaml(/[a-z0-9/_-]+\.php)(/.*)?$#i', $path, $match)) {
    // One of SimpleSAMLphp's own pages, as Apache would run it by an alias.
    $_SERVER['SCRIPT_NAME'] = '/simplesaml' . $match[1];
    $_SERVER['SCRIPT_FILENAME'] = PROGRAM . '/www' . $match[1];
    $_SERVER['PHP_SELF'] = $path;
    $_SERVER['PATH_INFO'] = $match[2] ?? '';
    chdir(dirname($_SERVER['SCRIPT_FILENAME']));
    require $_SERVER['SCRIPT_FILENAME'];
    return;
}

require PROGRAM . '/lib/_autoload.php';

function page(string $mark, string $session, string $text): void
{
    header('content-type: text/html; charset=utf-8');
    header('cache-control: no-store');
    $text = htmlspecialchars($text);
    echo "<!doctype html><main data-page=\"$mark\" data-session=\"$session\"><h1>$text</h1></main>";
}

$here = 'http://127.0.0.1:' . getenv('SAML_PEER_PORT');
$person = new \SimpleSAML\Auth\Simple('peer');
switch ($path) {
    case '/':
        $name = $person->isAuthenticated() ? $person->getAuthData('saml:sp:NameID')->getValue() : null;
        page('home', $name === null ? 'none' : 'live', $name ?? 'Nobody is signed in.');
        break;
    case '/login':
        $person->requireAuth(['ReturnTo' => "$here/"]);
        header("location: $here/");
        break;
    case '/logout':
        $person->logout(['ReturnTo' => "$here/bye", 'ReturnStateParam' => 'state', 'ReturnStateStage' => 'out']);
        break;
    case '/bye':
        $state = \SimpleSAML\Auth\State::loadState($_GET['state'] ?? '', 'out');
        $status = $state['saml:sp:LogoutStatus'] ?? ['Code' => 'nobody said', 'SubCode' => null];
        $codes = array_filter([$status['Code'], $status['SubCode']]);
        page('landing', 'none', implode('/', preg_replace('/^.*:/', '', $codes)));
        break;
    default:
        http_response_code(404);
        page('none', 'none', 'Nothing here.');
}
