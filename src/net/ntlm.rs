//! NTLMv2 (MS-NLMP): the three messages that authenticate one connection. No signing, no sealing: HTTP uses neither.
//!
//! Called by `client` when a request asks for it. Pure: time and random bytes come in as arguments.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Unicode, NTLM, always sign, extended session security, target information, 128 and 56 bit keys.
const FLAGS: u32 = 0x0000_0001 | 0x0000_0200 | 0x0000_8000 | 0x0008_0000 | 0x0080_0000 | 0x2000_0000 | 0x8000_0000;
const REQUEST_TARGET: u32 = 0x0000_0004;
const TIMESTAMP: u16 = 7;
const END: u16 = 0;

/// Who wants in.
pub(crate) struct Account<'a> {
    /// Empty when it is part of the name (`user@domain`) or not given.
    pub(crate) domain: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

impl<'a> Account<'a> {
    /// `DOMAIN\user`, `user@domain` or `user`.
    pub(crate) fn new(user: &'a str, password: &'a str) -> Self {
        let (domain, user) = user.split_once('\\').unwrap_or(("", user));
        Self { domain, user, password }
    }
}

/// The first message: what we can do.
pub(crate) fn negotiate() -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend(1u32.to_le_bytes());
    out.extend((FLAGS | REQUEST_TARGET).to_le_bytes());
    // Neither domain nor workstation: two empty fields that point behind the head.
    for _ in 0..2 {
        out.extend([0, 0, 0, 0]);
        out.extend(32u32.to_le_bytes());
    }
    out
}

/// The server's message: a challenge, and facts about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    flags: u32,
    challenge: [u8; 8],
    target: Vec<u8>,
    info: Vec<u8>,
}

impl Challenge {
    /// Reads it; None when it is no such message.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        if !message.starts_with(SIGNATURE) || u32_at(message, 8)? != 2 {
            return None;
        }
        Some(Self {
            flags: u32_at(message, 20)?,
            challenge: message.get(24..32)?.try_into().ok()?,
            target: field(message, 12)?.to_vec(),
            // Old servers end their message before it.
            info: field(message, 40).unwrap_or_default().to_vec(),
        })
    }

    /// The server's own clock, if it told it: in 100 ns since 1601.
    fn time(&self) -> Option<u64> {
        let mut at = 0;
        loop {
            let (id, len) = (u16_at(&self.info, at)?, usize::from(u16_at(&self.info, at + 2)?));
            let value = self.info.get(at + 4..at + 4 + len)?;
            match id {
                END => return None,
                TIMESTAMP => return Some(u64::from_le_bytes(value.try_into().ok()?)),
                _ => at += 4 + len,
            }
        }
    }

    /// The last message: the proof that we know the password. `now` is in 100 ns since 1601.
    pub(crate) fn authenticate(&self, account: &Account<'_>, nonce: [u8; 8], now: u64) -> Vec<u8> {
        let server_time = self.time();
        let domain = if account.domain.is_empty() && !account.user.contains('@') {
            self.target.clone()
        } else {
            utf16(account.domain)
        };
        let key = key(account, &domain);
        let blob = blob(nonce, server_time.unwrap_or(now), &self.info);
        let mut nt = hmac(&key, &[&self.challenge, &blob]).to_vec();
        nt.extend(&blob);
        // A server that tells its time wants no LM answer.
        let lm = match server_time {
            Some(_) => vec![0; 24],
            None => {
                let mut lm = hmac(&key, &[&self.challenge, &nonce]).to_vec();
                lm.extend(nonce);
                lm
            }
        };
        let fields = [lm, nt, domain, utf16(account.user), utf16("WORKSTATION"), Vec::new()];
        let mut out = SIGNATURE.to_vec();
        out.extend(3u32.to_le_bytes());
        let mut offset = 64;
        for field in &fields {
            let len = u16::try_from(field.len()).unwrap_or(u16::MAX);
            out.extend(len.to_le_bytes());
            out.extend(len.to_le_bytes());
            out.extend(u32::to_le_bytes(offset));
            offset += u32::from(len);
        }
        out.extend((self.flags & FLAGS | 1).to_le_bytes());
        fields.iter().for_each(|field| out.extend(&field[..field.len().min(usize::from(u16::MAX))]));
        out
    }
}

/// NTOWFv2: what stands for the password.
fn key(account: &Account<'_>, domain: &[u8]) -> [u8; 16] {
    let password = Md4::digest(utf16(account.password));
    hmac(&password, &[&utf16(&account.user.to_uppercase()), domain])
}

/// What is signed beside the server's challenge.
fn blob(nonce: [u8; 8], time: u64, info: &[u8]) -> Vec<u8> {
    let mut out = vec![1, 1, 0, 0, 0, 0, 0, 0];
    out.extend(time.to_le_bytes());
    out.extend(nonce);
    out.extend([0; 4]);
    out.extend(info);
    out.extend([0; 4]);
    out
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A field that length and offset describe at this place.
fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let len = usize::from(u16_at(message, at)?);
    let offset = usize::try_from(u32_at(message, at + 4)?).ok()?;
    message.get(offset..offset.checked_add(len)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVER: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    const CLIENT: [u8; 8] = [0xaa; 8];

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
    }

    /// Domain and server names as pairs, and the end.
    fn info() -> Vec<u8> {
        let mut info = vec![2, 0, 12, 0];
        info.extend(utf16("Domain"));
        info.extend([1, 0, 12, 0]);
        info.extend(utf16("Server"));
        info.extend([0, 0, 0, 0]);
        info
    }

    fn challenge(info: Vec<u8>) -> Challenge {
        Challenge { flags: 0xe28a_8233, challenge: SERVER, target: utf16("Server"), info }
    }

    /// The values of MS-NLMP, 4.2.4.
    #[test]
    fn the_specifications_vectors() {
        let account = Account { domain: "Domain", user: "User", password: "Password" };
        assert_eq!(key(&account, &utf16("Domain")).to_vec(), hex("0c868a403bfd7a93a3001ef22ef02e3f"));
        let message = challenge(info()).authenticate(&account, CLIENT, 0);
        let lm = field(&message, 12).unwrap();
        assert_eq!(lm, hex("86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa"));
        let nt = field(&message, 20).unwrap();
        assert_eq!(nt[..16], hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(nt[16..44], hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"));
        assert_eq!(field(&message, 28).unwrap(), utf16("Domain"));
        assert_eq!(field(&message, 36).unwrap(), utf16("User"));
    }

    #[test]
    fn messages_are_read_back() {
        assert_eq!(negotiate().len(), 32);
        assert_eq!(u32_at(&negotiate(), 8), Some(1));
        let (target, info) = (utf16("Server"), info());
        let mut message = SIGNATURE.to_vec();
        message.extend(2u32.to_le_bytes());
        message.extend([target.len() as u8, 0, target.len() as u8, 0]);
        message.extend(u32::to_le_bytes(48));
        message.extend(0xe28a_8233u32.to_le_bytes());
        message.extend(SERVER);
        message.extend([0; 8]);
        message.extend([info.len() as u8, 0, info.len() as u8, 0]);
        message.extend(u32::to_le_bytes(48 + target.len() as u32));
        message.extend(&target);
        message.extend(&info);
        assert_eq!(Challenge::parse(&message), Some(challenge(info)));
        assert_eq!((Challenge::parse(&message[..30]), Challenge::parse(b"")), (None, None));
    }

    #[test]
    fn the_servers_clock_and_domain_are_used() {
        let mut with_time = vec![7, 0, 8, 0];
        with_time.extend(5u64.to_le_bytes());
        with_time.extend([0, 0, 0, 0]);
        let challenge = challenge(with_time);
        let message = challenge.authenticate(&Account::new("User", "Password"), CLIENT, 9);
        assert_eq!(field(&message, 12).unwrap(), [0; 24]);
        assert_eq!(field(&message, 20).unwrap()[24..32], 5u64.to_le_bytes());
        assert_eq!(field(&message, 28).unwrap(), utf16("Server"));
        let account = Account::new("DOM\\me", "p");
        assert_eq!((account.domain, account.user), ("DOM", "me"));
    }

    proptest! {
        #[test]
        fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut message = SIGNATURE.to_vec();
            message.extend([2, 0, 0, 0]);
            message.extend(&bytes);
            if let Some(challenge) = Challenge::parse(&message) {
                challenge.authenticate(&Account::new("a@b", "p"), CLIENT, 1);
            }
        }
    }
}
