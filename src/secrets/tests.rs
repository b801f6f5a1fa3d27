//! Sources, their names and their caches.

use super::*;

fn open(specs: &[&str]) -> Result<Secrets, Vec<Error>> {
    let specs: Vec<String> = specs.iter().map(|s| (*s).to_owned()).collect();
    Secrets::open(&specs, &BTreeMap::new(), Path::new("/nonexistent"))
}

#[tokio::test]
async fn secrets_come_from_the_named_or_the_default_source() {
    let secrets = open(&["mock=default,cool=unit secret one", "mock=name=another,cool=unit secret two"]).unwrap();
    assert_eq!(secrets.source(None).unwrap().get("cool").await.unwrap().as_ref(), "unit secret one");
    assert_eq!(secrets.source(Some("default")).unwrap().get("cool").await.unwrap().as_ref(), "unit secret one");
    assert_eq!(secrets.source(Some("another")).unwrap().get("cool").await.unwrap().as_ref(), "unit secret two");
    assert_eq!(redact::clean("a unit secret two b"), format!("a {} b", redact::MASK));
    let error = secrets.source(Some("third")).unwrap_err();
    assert!(
        error.to_string().contains("no secret source with name \"third\" is configured; known: another"),
        "{error}"
    );
    let error = secrets.source(None).unwrap().get("hot").await.unwrap_err();
    assert!(error.to_string().starts_with("no value"), "{error}");

    let alone = open(&["mock=name=x,k=v of x"]).unwrap();
    assert_eq!(alone.source(None).unwrap().get("k").await.unwrap().as_ref(), "v of x", "the only one is the default");
    assert_eq!(Secrets::default().source(None).unwrap_err(), SecretError::NoSources);
}

#[test]
fn all_problems_are_told_and_no_values() {
    let problems = open(&[
        "mock=a=hush",
        "mock=b=hush",
        "file=nope.env",
        "mock=name=p,default,a=hush",
        "mock=name=q,default,hush=1",
    ])
    .unwrap_err();
    let text: Vec<&str> = problems.iter().map(Error::message).collect();
    assert_eq!(problems.len(), 3, "{text:?}");
    assert!(
        text[0].contains("two sources without a name") && text[1].contains("nope.env") && text[2].contains("default")
    );
    assert!(!format!("{text:?}").contains("hush"));
    let two = open(&["mock=name=a,k=1", "mock=name=b,k=2"]).unwrap();
    assert!(two.source(None).unwrap_err().to_string().contains("known: a, b"));
}
