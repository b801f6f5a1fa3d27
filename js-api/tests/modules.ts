// Type tests of secrets, files, certificates, WebCrypto and Redis. A line after @ts-expect-error must not compile.
import secrets from 'k6/secrets';

export async function secretsExample(): Promise<number> {
  const token = await secrets.get('token');
  // @ts-expect-error a secret comes with a promise
  secrets.get('token').length;
  return token.length + (await secrets.source('other').get('token')).length;
}
