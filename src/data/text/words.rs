//! The words that made-up sentences consist of. Ordinary ones: most are a single token in every vocabulary for English.

/// Before a noun.
pub(super) const DETERMINERS: &[&str] =
    &["the", "this", "that", "every", "another", "one", "our", "their", "each", "some"];

/// Of a person or a thing.
pub(super) const QUALITIES: &[&str] = &[
    "old", "new", "young", "quiet", "loud", "small", "large", "careful", "busy", "open", "early", "late", "local",
    "foreign", "simple", "complex", "modern", "ancient", "bright", "dark", "warm", "cold", "heavy", "light", "rich",
    "poor", "strong", "gentle", "famous", "strange", "common", "rare", "clean", "broken", "empty", "full", "long",
    "short", "narrow", "wide", "public", "private", "final", "first", "second", "third", "northern", "southern",
    "eastern", "western", "patient", "honest", "clever", "tired", "brave", "calm", "serious", "cheerful", "proud",
    "formal", "useful", "recent", "central", "distant", "familiar", "curious", "ordinary", "separate", "complete",
    "plain", "silver", "golden", "wooden", "green", "blue", "red", "white", "grey",
];

/// Who does something.
#[rustfmt::skip]
pub(super) const PEOPLE: &[&str] = &[
    "engineer", "teacher", "doctor", "driver", "farmer", "student", "writer", "artist", "lawyer", "nurse", "pilot",
    "captain", "sailor", "painter", "singer", "actor", "editor", "author", "manager", "director", "president",
    "minister", "judge", "officer", "soldier", "guard", "guide", "visitor", "guest", "neighbour", "friend", "partner",
    "customer", "client", "seller", "buyer", "baker", "cook", "waiter", "worker", "builder", "designer", "scientist",
    "researcher", "professor", "historian", "reporter", "speaker", "player", "coach", "committee", "team", "company",
    "council", "family", "group", "crew", "office", "agency", "village",
];

/// What people do, in the past tense and with an object.
#[rustfmt::skip]
pub(super) const ACTIONS: &[&str] = &[
    "found", "lost", "bought", "sold", "built", "repaired", "opened", "closed", "moved", "carried", "described",
    "explained", "measured", "counted", "checked", "tested", "changed", "replaced", "removed", "added", "wrote",
    "read", "copied", "signed", "sent", "received", "accepted", "refused", "returned", "borrowed", "collected",
    "divided", "shared", "followed", "studied", "compared", "discussed", "reported", "recorded", "remembered",
    "forgot", "noticed", "ignored", "questioned", "defended", "supported", "improved", "prepared", "planned",
    "finished", "started", "delayed", "ordered", "delivered", "painted", "cleaned", "covered", "protected",
    "discovered", "examined", "reviewed", "approved", "presented", "published", "translated", "selected", "watched",
    "needed", "wanted", "used", "kept", "left", "saw", "heard", "knew", "held", "made", "chose", "brought", "took",
];

/// What is dealt with.
#[rustfmt::skip]
pub(super) const THINGS: &[&str] = &[
    "report", "letter", "book", "map", "list", "table", "chart", "plan", "contract", "invoice", "ticket", "message",
    "picture", "photograph", "story", "question", "answer", "problem", "solution", "method", "result", "number",
    "price", "budget", "record", "file", "page", "chapter", "sentence", "word", "machine", "engine", "motor", "pump",
    "wheel", "door", "window", "wall", "roof", "floor", "bridge", "road", "path", "fence", "gate", "key", "lock",
    "box", "bag", "bottle", "cup", "plate", "lamp", "clock", "watch", "phone", "camera", "computer", "screen",
    "printer", "cable", "battery", "filter", "valve", "tool", "hammer", "knife", "rope", "boat", "ship", "train",
    "bus", "car", "truck", "bicycle", "garden", "tree", "flower", "field", "crop", "harvest", "meal", "recipe",
    "bread", "soup", "fruit", "medicine", "test", "sample", "model", "theory", "law", "rule", "decision", "agreement",
    "meeting", "speech", "song", "film", "painting", "statue", "prize", "gift", "coin", "account", "loan", "debt",
    "tax", "ring", "coat", "shirt", "shoe", "hat", "chair", "desk", "bed", "carpet", "mirror", "package",
];

/// From a thing to a place.
pub(super) const BEFORE_PLACES: &[&str] =
    &["in", "near", "behind", "beside", "inside", "outside", "from", "for", "above", "below", "across", "through"];

/// Where something happens.
#[rustfmt::skip]
pub(super) const PLACES: &[&str] = &[
    "house", "kitchen", "hall", "room", "library", "school", "university", "hospital", "station", "airport",
    "harbour", "market", "square", "street", "park", "forest", "valley", "mountain", "river", "lake", "coast",
    "island", "desert", "city", "town", "capital", "district", "region", "country", "border", "factory", "workshop",
    "laboratory", "warehouse", "museum", "theatre", "church", "tower", "castle", "palace", "court", "bank", "hotel",
    "restaurant", "garage", "farm", "mill", "mine", "port", "office", "studio", "archive", "cellar", "attic",
    "stadium", "camp", "cave", "bay", "canal", "corner",
];

/// When and how; each may end a sentence, and several may follow each other.
#[rustfmt::skip]
pub(super) const ADVERBS: &[&str] = &[
    "today", "again", "slowly", "quickly", "quietly", "carefully", "together", "alone", "early", "late", "twice",
    "once", "here", "there", "now", "then", "soon", "later", "often", "easily", "directly", "finally", "outside",
    "inside", "first", "instead", "indeed", "anyway", "afterwards", "clearly", "completely", "yesterday", "tomorrow",
    "tonight", "already", "too", "well", "also",
];

/// Before a sentence, with a comma.
pub(super) const OPENERS: &[&str] = &[
    "In the morning",
    "After the meeting",
    "Before lunch",
    "Last year",
    "In the end",
    "At first",
    "On the way home",
    "For many years",
    "Without a word",
    "To everyone's surprise",
    "According to the report",
    "During the winter",
    "Later that week",
    "By the evening",
    "As usual",
    "In other words",
    "For example",
    "After a short break",
    "At the same time",
    "On the other hand",
    "In most cases",
    "Some weeks later",
    "Until then",
    "In any case",
];

/// Alone or at the start of a very short text.
pub(super) const STARTS: &[&str] =
    &["Yes", "No", "Please", "Now", "Then", "Here", "There", "Today", "Again", "Soon", "Well", "So", "First", "Later"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbered sentences differ because words do.
    #[test]
    fn no_word_comes_twice_in_its_list() {
        let lists = [DETERMINERS, QUALITIES, PEOPLE, ACTIONS, THINGS, BEFORE_PLACES, PLACES, ADVERBS, OPENERS, STARTS];
        for list in lists {
            let all: std::collections::BTreeSet<&str> = list.iter().copied().collect();
            assert_eq!(all.len(), list.len(), "{list:?}");
        }
    }
}
