declare module 'k6/crypto/x509' {
  /** Names; what a certificate does not say is an empty string. */
  export interface Issuer {
    commonName: string;
    country: string;
    stateOrProvinceName: string;
    localityName: string;
    organizationName: string;
    /** All parts in the certificate's order; `type` is an object identifier such as `2.5.4.3`. */
    names: { type: string; value: string }[];
  }
  export interface Subject extends Issuer {
    postalCode: string;
    streetAddress: string;
    organizationalUnitName: string[];
  }
  export interface Certificate {
    subject: Subject;
    issuer: Issuer;
    /** RFC 3339. */
    notBefore: string;
    notAfter: string;
    /** Hosts, mail addresses, IP addresses, URIs. */
    altNames: string[];
    /** For example `SHA256-RSA`. */
    signatureAlgorithm: string;
    /** SHA-1, one number per byte. */
    fingerPrint: number[];
    /** Large numbers are strings of decimal digits. */
    publicKey:
      | { algorithm: 'RSA'; key: { e: number; n: string } }
      | { algorithm: 'ECDSA'; key: { curve: string; x: string; y: string } }
      | { algorithm: 'DSA'; key: { y: string } };
  }

  /** Reads the first certificate of a PEM text. Throws when there is none. */
  export function parse(pem: string | ArrayBuffer): Certificate;
  export function getAltNames(pem: string | ArrayBuffer): string[];
  export function getIssuer(pem: string | ArrayBuffer): Issuer;
  export function getSubject(pem: string | ArrayBuffer): Subject;
  const x509: { parse: typeof parse; getAltNames: typeof getAltNames; getIssuer: typeof getIssuer; getSubject: typeof getSubject };
  export default x509;
}
