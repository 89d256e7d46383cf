/** Why a connection to a broker failed, named so that one knows what to do. Pure. */
import type { Code } from '../protocol/codes.ts'
import { LongshoreError } from '../protocol/reason.ts'

/** CONNACK return codes of MQTT 3.1.1 (3.2.2.3) and reason codes of MQTT 5 (3.2.2.2) come as a number. */
export const connectionFailure = (url: string, error: Error): LongshoreError => {
  const { code } = error as Error & { code?: unknown }
  if (typeof code === 'number')
    return new LongshoreError('broker-refused', `${url}: ${refusals[code] ?? error.message} (${code})`, {
      cause: error,
    })
  const kind: Code = isTls(String(code)) ? 'broker-untrusted' : 'broker-unreachable'
  const fault = kind === 'broker-untrusted' ? tlsFault(error) : undefined
  const said =
    fault ?? silences[error.message] ?? (error.message || (error as NodeJS.ErrnoException).code || 'no answer')
  return new LongshoreError(kind, `${url}: ${said}`, { cause: error })
}

/** What MQTT.js says, and gives no code. */
const silences: Readonly<Record<string, string>> = {
  'connack timeout': 'it did not answer in time: check address and network, or raise connectTimeoutS',
  'Keepalive timeout': 'it did not answer the ping of the keepalive',
}

/** A broker that ends a connection of MQTT 5 says why (3.14.2.1). */
export const disconnectFailure = (url: string, code: number): LongshoreError =>
  new LongshoreError(
    'broker-refused',
    `${url} ended the connection: ${refusals[code] ?? 'for a reason of its own'} (${code})`,
  )

const refusals: Readonly<Record<number, string>> = {
  1: 'the broker does not speak this version of MQTT: set mqttVersion to the other',
  2: 'the broker does not accept the client id: set clientId to one that it allows',
  3: 'the broker is not available: look at its log',
  4: 'wrong user name or password: check username and passwordFile',
  5: 'the broker does not authorise this client: check user name, password, certificate and client id',
  128: 'the broker does not say why: look at its log',
  129: 'the broker could not parse a packet',
  130: 'the broker met a protocol error',
  132: 'the broker does not speak this version of MQTT: set mqttVersion to the other',
  133: 'the broker does not accept the client id: set clientId to one that it allows',
  134: 'wrong user name or password: check username and passwordFile',
  135: 'the broker does not authorise this client: check user name, password, certificate and client id',
  136: 'the broker is not available: look at its log',
  137: 'the broker is busy',
  138: 'the broker has banned this client: lift the ban there',
  139: 'the broker is being shut down',
  140: 'the broker does not accept this way of authentication: give it user name and password, or a certificate',
  141: 'the broker heard nothing for longer than the keepalive',
  142: 'another client connected with the same client id',
  143: 'the broker does not allow a filter: check its access rules and root',
  144: 'the broker does not allow the topic of the will: check its access rules and root',
  147: 'more messages came at once than the broker takes',
  149: 'a packet was larger than the broker takes: set maxBytes to what it does',
  150: 'messages came faster than the broker takes them: raise its limit',
  151: 'a quota of the broker is used up: raise it there',
  152: 'somebody ended the connection at the broker',
  154: 'the broker keeps no retained messages, without which nothing can be deployed: switch them on there',
  155: 'the broker does not take QoS 1, without which nothing is certain: switch it on there',
  156: 'the broker asks to use another server: set broker to its address',
  157: 'the broker has moved to another server: set broker to its address',
  159: 'the broker limits how fast clients connect',
  160: 'the broker ends connections that last as long as this one',
}

const unknownAuthority =
  'the certificate of the broker is signed by an authority that is not known here: give it with --ca'
const ownRefused = 'the broker did not accept the own certificate: check --cert and --key'

/**
 * Whose certificate it is and what to do, by what Node and OpenSSL say. The same fault comes as a code
 * (ERR_SSL_TLSV1_ALERT_UNKNOWN_CA), or as EPROTO with OpenSSL's words (tlsv1 alert unknown ca): words are compared.
 */
const tlsFaults: readonly (readonly [RegExp, string])[] = [
  [
    /^cert has expired/,
    'the certificate of the broker has expired: renew it, or set the clock of this machine if it is wrong',
  ],
  [
    /^cert not yet valid/,
    'the certificate of the broker is not valid yet: the clock of this machine is probably behind; set it',
  ],
  [
    /cert altname invalid|hostname mismatch/,
    'the certificate of the broker is for another host name: connect by a name that stands in it, or have it made anew',
  ],
  [/^(unable to verify leaf signature|unable to get issuer cert|self signed cert in chain)/, unknownAuthority],
  [/^depth zero self signed cert/, 'the certificate of the broker is signed by itself: give it with --ca'],
  [/^cert revoked/, 'the certificate of the broker was revoked: it needs a new one'],
  [
    /wrong version number/,
    'no TLS is spoken on this port: connect with mqtt:// or ws://, or to the port where TLS is spoken',
  ],
  [/alert certificate required/, 'the broker asks for a certificate of this client: give --cert and --key'],
  [/alert certificate revoked/, `${ownRefused}; it was revoked`],
  [/alert certificate expired/, `${ownRefused}; it has expired`],
  [/alert (unknown ca|bad certificate|certificate unknown)/, ownRefused],
  [/^err ossl (pem no start line|unsupported)/, 'the own certificate or key is none: --cert and --key name PEM files'],
  [/key values mismatch/, 'the own key does not belong to the own certificate: check --cert and --key'],
  [/^err (ossl bad decrypt|missing passphrase)/, 'the own key is encrypted: give it without a passphrase'],
]

const tlsFault = ({ code, message }: NodeJS.ErrnoException): string | undefined => {
  const words = `${code} ${message}`.toLowerCase().replaceAll('_', ' ')
  return tlsFaults.find(([pattern]) => pattern.test(words))?.[1]
}

/** Codes of Node (ERR_TLS_…, ERR_SSL_…), of OpenSSL's certificate check, and of PEM files that do not parse. */
const isTls = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/.test(
    code,
  )
