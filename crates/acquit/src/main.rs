//! Placeholder.
fn main() {
    let src = "# c\n[server]\nlisten = \"a\"\n\n[[apps]]\nid = \"x\" # d\nr = [\"a\",\n \"b\"]\ninl = { file = \"x\" }\na.b = 3\n\n[[apps]]\nid=2\n[x.y]\nq=1\n";
    let (t, e) = toml::de::DeTable::parse_recoverable(src);
    fn show(src: &str, v: &toml::Spanned<toml::de::DeValue<'_>>, d: usize) {
        println!("{:d$}{:?} {:?}", "", v.span(), &src[v.span()]);
        match v.get_ref() {
            toml::de::DeValue::Table(t) => {
                for (k, v) in t {
                    println!("{:d$} key {} {:?}", "", k.get_ref(), k.span());
                    show(src, v, d + 2)
                }
            }
            toml::de::DeValue::Array(t) => {
                for v in t.iter() {
                    show(src, v, d + 2)
                }
            }
            _ => {}
        }
    }
    for (k, v) in t.get_ref() {
        println!("{} {:?}", k.get_ref(), k.span());
        show(src, v, 1);
    }
    println!("{e:?}");
    for bad in [
        "a = \"abc\nb = 1\n c = [1,",
        "a = 1\na = 2\n[s]\n[s]\n",
        "key\nx = secret\ny=1 2\n",
        "pass = 'hunter2 \"",
        "a.b=1\na=2\n[[z]]\n[z]\n",
    ] {
        let (_, e) = toml::de::DeTable::parse_recoverable(bad);
        for e in e {
            println!("{bad:?} => {:?} {:?}", e.span(), e.message());
        }
    }
}
