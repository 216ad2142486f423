//! The calls that `by_heysync.rs` makes, by ureq, serde, thiserror and url.

use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no response")]
    Http(#[from] ureq::Error),
    #[error("not an address")]
    Address(#[from] url::ParseError),
}

#[derive(Deserialize)]
struct Hello {
    ok: bool,
}

#[derive(Deserialize)]
struct Mention {
    url: String,
    title: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Mention>,
    has_more: bool,
}

#[derive(Serialize)]
struct NewAlert<'a> {
    name: &'a str,
    keyword: &'a str,
}

#[derive(Deserialize)]
struct Alert {
    id: String,
}

fn main() -> Result<(), Error> {
    let key = std::env::var("HEYLERTS_API_KEY").unwrap_or_default();
    let base = url::Url::parse("https://heylerts.com/api/v1/")?;
    let agent = ureq::Agent::new_with_defaults();
    let get =
        |path: &str| Ok::<_, Error>(agent.get(base.join(path)?.as_str()).header("X-API-Key", &key));
    println!("{}", get("hello")?.call()?.body_mut().read_json::<Hello>()?.ok);
    for page in 1.. {
        let address = format!("mentions?per_page=100&page={page}");
        let page: Page = get(&address)?.call()?.body_mut().read_json()?;
        for mention in page.items {
            println!("{} {}", mention.url, mention.title.unwrap_or_default());
        }
        if !page.has_more {
            break;
        }
    }
    let alert = NewAlert { name: "Our brand", keyword: "heysync" };
    let request = agent.post(base.join("alerts")?.as_str()).header("X-API-Key", &key);
    println!("{}", request.send_json(&alert)?.body_mut().read_json::<Alert>()?.id);
    Ok(())
}
