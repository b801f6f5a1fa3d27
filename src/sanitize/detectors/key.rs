//! Keys and tokens that are known by how they begin, as their makers document. The beginning stays, because it tells nobody anything.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, is_word};
use crate::sanitize::pseudonym::Letters;

/// Beginning and form of each kind. Groups are the beginning that stays.
const KINDS: &[&str] = &[
    // Model providers
    r"(sk-(?:ant-|proj-|svcacct-|admin-|or-|lf-|None-)?(?:[a-z]{3,8}\d{0,2}-)?)[A-Za-z0-9_-]{16,}", // Anthropic, OpenAI, OpenRouter, ...
    r"(pk-lf-)[A-Za-z0-9-]{16,}",                                                                   // Langfuse
    r"(hf_|api_org_)[A-Za-z0-9]{20,}",                                                              // Hugging Face
    r"(gsk_|xai-|pplx-|nvapi-|fw_|csk-|r8_|tgp_v1_|jina_|tvly-(?:dev-|prod-)?|fc-|pa-|voyage-)[A-Za-z0-9_-]{24,}",
    r"(lsv2_(?:pt|sk)_)[A-Za-z0-9_]{20,}", // LangSmith
    // Clouds
    r"(AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}", // AWS
    r"(AIza)[A-Za-z0-9_-]{35}",                     // Google
    r"(ya29\.|GOCSPX-|1//0)[A-Za-z0-9_-]{20,}",
    r"((?i:AccountKey|SharedAccessKey|SharedAccessSignature)=)[A-Za-z0-9+/=%]{20,}", // Azure
    r"(do[opr]_v1_)[a-f0-9]{32,}",                                                   // DigitalOcean
    r"(dapi)[a-f0-9]{32}(?:-\d)?",                                                   // Databricks
    // Code and packages
    r"(gh[pousr]_|github_pat_)[A-Za-z0-9_]{22,}",
    r"(gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-)[A-Za-z0-9_.-]{20,}", // GitLab
    r"(npm_|pypi-|rubygems_|dckr_pat_|dckr_oat_|pul-|ATATT3|ATCTT3)[A-Za-z0-9_=-]{20,}",
    r"(cio)[A-Za-z0-9]{32}",
    // Messages, payment, shops
    r"(xox[abeoprs]-|xapp-)[A-Za-z0-9-]{10,}", // Slack
    r"(https://hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{20,}",
    r"(https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/)\d+/[A-Za-z0-9_-]{20,}",
    r"((?:sk|rk|pk)_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}", // Stripe
    r"(SG\.)[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",         // SendGrid
    r"(AC|SK)[a-f0-9]{32}",                                  // Twilio
    r"(key-)[a-f0-9]{32}",                                   // Mailgun
    r"(shp(?:at|ca|pa|ss)_)[a-fA-F0-9]{32}",                 // Shopify
    r"(sq0(?:atp|csp)-|EAAA)[A-Za-z0-9_-]{22,}",             // Square
    r"(\d{8,10}:)[A-Za-z0-9_-]{35}",                         // Telegram
    // Tools
    r"(hv[sbr]\.)[A-Za-z0-9_-]{20,}",       // Vault
    r"(glsa_|glc_|eyrw)[A-Za-z0-9_=]{20,}", // Grafana
    r"(lin_api_|figd_|ntn_|secret_|pat-(?:na1|eu1)-|phc_|phx_|sntrys_|NRAK-|NRII-|age-secret-key-1|AGE-SECRET-KEY-1)[A-Za-z0-9_=+/-]{20,}",
];

static ANY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?:{})", KINDS.join("|"))).expect("constant patterns"));

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for captures in ANY.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        // In the middle of a word it is that word: `risk-...` is none of OpenAI's keys.
        if is_word(before(text, whole.start())) {
            continue;
        }
        let start = captures.iter().skip(1).flatten().next().map_or(whole.start(), |m| m.end());
        // A run of words with dashes is no key.
        let body = &text[start..whole.end()];
        if body.bytes().any(|b| b.is_ascii_digit()) || body.bytes().filter(u8::is_ascii_uppercase).count() > 3 {
            found.push(whole.range());
        }
    }
}

pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let stays = ANY.captures(value).filter(|c| c.get(0).is_some_and(|m| m.start() == 0));
    let stays = stays.and_then(|c| c.iter().skip(1).flatten().next().map(|m| m.end())).unwrap_or(0);
    format!("{}{}", &value[..stays], letters.same_shape(&value[stays..]))
}
