//! A prefix cache as model servers have one: blocks of prompts seen before need no prefill and are told as cached tokens.
//!
//! Asked once per call, by [`super::model_call`]. A prompt is a chain of hashes, one per [`GRANULE`] tokens, each of all tokens up to
//! there ([`super::prompt`]), so equal hashes mean equal prefixes. A prompt is looked up when it arrives and known from the moment its
//! first token is due: two equal prompts that come at once both pay. Memory is bounded; the blocks used longest ago go first, those
//! at the end of a prompt before those at its beginning.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tokens per hash; blocks are whole multiples of it.
pub(super) const GRANULE: u32 = 16;
/// Most tokens a cache may hold: about three million entries in the worst case.
const MOST_TOKENS: u64 = 50_000_000;

/// A prefix cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixCacheConfig {
    /// Tokens it holds.
    pub tokens: u64,
    /// Tokens per block, a multiple of 16: only whole blocks are found.
    pub block: u32,
    /// Shorter matches count as none.
    pub min: u32,
    /// Blocks not used for so long are gone; None = they stay until there is no room.
    pub ttl: Option<Duration>,
}

impl Default for PrefixCacheConfig {
    fn default() -> Self {
        Self { tokens: 1_000_000, block: GRANULE, min: 0, ttl: None }
    }
}

impl PrefixCacheConfig {
    /// What is wrong, one sentence each, naming the flag.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.block == 0 || !self.block.is_multiple_of(GRANULE) || self.block > 4096 {
            problems.push(format!("--prefix-cache-block is a multiple of {GRANULE} up to 4096, not {}", self.block));
        }
        if self.tokens < u64::from(self.block) || self.tokens > MOST_TOKENS {
            problems.push(format!(
                "--prefix-cache holds at least a block and at most {MOST_TOKENS} tokens, not {}",
                self.tokens
            ));
        }
        problems
    }
}

#[derive(Debug)]
struct Entry {
    tick: u64,
    used: Instant,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<u64, Entry>,
    /// By the time of last use.
    order: BTreeMap<u64, u64>,
    tick: u64,
    /// Prompts under way, by the time from which they are known.
    pending: BinaryHeap<Reverse<(Instant, Vec<u64>)>>,
    pending_blocks: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct PrefixCache {
    config: PrefixCacheConfig,
    capacity: usize,
    state: Mutex<State>,
}

/// A prompt that becomes known when its first token is due.
#[derive(Debug)]
pub(super) struct Learning {
    cache: Arc<PrefixCache>,
    blocks: Vec<u64>,
}

impl Learning {
    /// The prompt can be found from then on.
    pub(super) fn known_from(self, at: Instant) {
        let Self { cache, blocks } = self;
        let mut state = cache.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What is under way is bounded like the cache itself.
        if !blocks.is_empty() && state.pending_blocks + blocks.len() <= cache.capacity {
            state.pending_blocks += blocks.len();
            state.pending.push(Reverse((at, blocks)));
        }
    }
}

impl PrefixCache {
    pub(super) fn new(config: PrefixCacheConfig) -> Arc<Self> {
        let capacity = usize::try_from(config.tokens / u64::from(config.block.max(1))).unwrap_or(usize::MAX);
        Arc::new(Self { config, capacity, state: Mutex::default() })
    }

    /// Tokens of the prompt that are in the cache at `now`, always less than all of them, and the promise to learn the rest.
    /// `hashes` are one per [`GRANULE`] tokens.
    pub(super) fn look_up(
        self: &Arc<Self>,
        model: &str,
        hashes: &[u64],
        prompt_tokens: u64,
        now: Instant,
    ) -> (u64, Learning) {
        let seed = model.bytes().fold(0, |hash, byte| mix(hash, u32::from(byte)));
        let per_block = (self.config.block / GRANULE) as usize;
        let blocks: Vec<u64> = hashes.iter().skip(per_block - 1).step_by(per_block).map(|h| h ^ seed).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(now, self.capacity, self.config.ttl);
        let mut found = blocks.iter().take_while(|block| state.entries.contains_key(block)).count();
        // The last token is always computed: its output is what comes next.
        while found > 0 && found as u64 * u64::from(self.config.block) >= prompt_tokens {
            found -= 1;
        }
        if found as u64 * u64::from(self.config.block) < u64::from(self.config.min) {
            found = 0;
        }
        state.touch(&blocks[..found], now);
        drop(state);
        (found as u64 * u64::from(self.config.block), Learning { cache: Arc::clone(self), blocks })
    }

    /// Blocks held.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.state.lock().unwrap().entries.len()
    }
}

impl State {
    /// Takes in what has become known, and drops what is too old or too much.
    fn settle(&mut self, now: Instant, capacity: usize, ttl: Option<Duration>) {
        while self.pending.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((at, blocks))) = self.pending.pop() else { break };
            self.pending_blocks -= blocks.len();
            self.touch(&blocks, at);
            self.evict(|state, _| state.entries.len() > capacity);
        }
        if let Some(ttl) = ttl {
            self.evict(|_, entry| now.saturating_duration_since(entry.used) > ttl);
        }
    }

    fn evict(&mut self, goes: impl Fn(&Self, &Entry) -> bool) {
        while let Some((tick, block)) = self.order.first_key_value().map(|(t, b)| (*t, *b)) {
            if !self.entries.get(&block).is_none_or(|entry| goes(self, entry)) {
                break;
            }
            self.order.remove(&tick);
            self.entries.remove(&block);
        }
    }

    /// Marks blocks as just used; the first one last, so that it stays longest.
    fn touch(&mut self, blocks: &[u64], now: Instant) {
        for block in blocks.iter().rev() {
            self.tick += 1;
            if let Some(before) = self.entries.insert(*block, Entry { tick: self.tick, used: now }) {
                self.order.remove(&before.tick);
            }
            self.order.insert(self.tick, *block);
        }
    }
}

/// The hash of a chain with one more token.
pub(super) fn mix(hash: u64, token: u32) -> u64 {
    // The finaliser of splitmix64: every bit of the input moves about half of the output's.
    let mut z = (hash ^ u64::from(token)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of a prompt of these words.
    fn prompt(tokens: impl IntoIterator<Item = u32>) -> (Vec<u64>, u64) {
        let (mut hash, mut hashes, mut count) = (0, Vec::new(), 0);
        for token in tokens {
            hash = mix(hash, token);
            count += 1;
            if count % u64::from(GRANULE) == 0 {
                hashes.push(hash);
            }
        }
        (hashes, count)
    }

    fn ask(cache: &Arc<PrefixCache>, model: &str, tokens: std::ops::Range<u32>, now: Instant) -> u64 {
        let (hashes, count) = prompt(tokens);
        let (cached, learning) = cache.look_up(model, &hashes, count, now);
        learning.known_from(now + Duration::from_millis(10));
        cached
    }

    #[test]
    fn shared_prefixes_are_found_in_whole_blocks_once_they_are_computed() {
        let cache = PrefixCache::new(PrefixCacheConfig::default());
        let start = Instant::now();
        assert_eq!(ask(&cache, "m", 0..100, start), 0);
        assert_eq!(ask(&cache, "m", 0..100, start), 0, "the first is not computed yet");
        let later = start + Duration::from_millis(20);
        assert_eq!(ask(&cache, "m", 0..100, later), 96);
        assert_eq!(ask(&cache, "m", 0..70, later), 64);
        assert_eq!(ask(&cache, "m", 0..64, later), 48, "the last token is always computed");
        assert_eq!(ask(&cache, "m", 1..100, later), 0, "another beginning");
        assert_eq!(ask(&cache, "other", 0..100, later), 0, "another model");
        assert_eq!(ask(&cache, "m", 0..500, later), 96);
    }

    #[test]
    fn blocks_minimum_and_time_to_live() {
        let config =
            PrefixCacheConfig { block: 64, min: 128, ttl: Some(Duration::from_secs(60)), ..Default::default() };
        let cache = PrefixCache::new(config);
        let start = Instant::now();
        ask(&cache, "m", 0..300, start);
        let at = |s: u64| start + Duration::from_secs(s);
        assert_eq!(ask(&cache, "m", 0..300, at(1)), 256);
        assert_eq!(ask(&cache, "m", 0..100, at(1)), 0, "64 tokens are less than the minimum");
        assert_eq!(ask(&cache, "m", 0..300, at(55)), 256);
        assert_eq!(ask(&cache, "m", 0..300, at(110)), 256, "use keeps it alive");
        assert_eq!(ask(&cache, "m", 0..300, at(300)), 0);
    }

    #[test]
    fn it_stays_within_its_bound_and_forgets_the_oldest_ends_first() {
        let cache = PrefixCache::new(PrefixCacheConfig { tokens: 160, ..PrefixCacheConfig::default() });
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        ask(&cache, "m", 0..100, at(0));
        ask(&cache, "m", 1000..1100, at(1));
        assert_eq!(ask(&cache, "m", 5000..5001, at(2)), 0);
        assert_eq!(cache.len(), 10);
        assert_eq!(ask(&cache, "m", 0..100, at(3)), 64, "four of six blocks are left, the first ones");
        for n in 0..50 {
            ask(&cache, "m", n * 1000..n * 1000 + 90, at(10 + u64::from(n)));
        }
        assert!(cache.len() <= 10);
    }

    #[test]
    fn wrong_figures_are_named() {
        let bad = PrefixCacheConfig { tokens: 0, block: 20, ..PrefixCacheConfig::default() };
        assert_eq!(bad.problems().len(), 2, "{:?}", bad.problems());
    }
}
