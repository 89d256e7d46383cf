/**
 * The authority of a broker that nobody here knows yet: found in what the broker shows, by its SHA-256. Nothing is said to the
 * broker; whether its own certificate really is of that authority, the connection that follows finds out.
 */

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { shownAddress } from '../../src/link/addresses.ts'
import { connectionFailure } from '../../src/link/connection-failure.ts'
import { fingerprintOf } from '../../src/pki/read-certificate.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

const ports: Readonly<Record<string, number>> = { 'mqtts:': 8883, 'ssl:': 8883, 'wss:': 443 }

/** Of one address that is no TLS the token would be readable on the way. @throws LongshoreError usage */
export const checkAddresses = (addresses: readonly string[]): void => {
  for (const address of addresses)
    if (ports[new URL(address).protocol] === undefined)
      throw new LongshoreError('usage', `${shownAddress(address)}: a token is sent over TLS alone: mqtts:// or wss://`)
}

/** @param fingerprint as fingerprintOf has it. @returns PEM text. @throws LongshoreError broker-unreachable, broker-untrusted */
export const fetchAuthority = async (address: string, fingerprint: string, timeoutMs: number): Promise<string> => {
  const { protocol, hostname, port } = new URL(address)
  const host = hostname.replace(/^\[|\]$/g, '')
  const chain = await fetchChain({ host, port: Number(port || ports[protocol]), timeoutMs }).catch((error) => {
    throw connectionFailure(`${protocol}//${hostname}`, error as Error)
  })
  const authority = chain.find((pem) => fingerprintOf(pem) === fingerprint)
  if (authority !== undefined) return authority
  throw new LongshoreError(
    'broker-untrusted',
    `${hostname} is not a broker of the site that the token is for: it shows no authority of that fingerprint, and the token was not sent`,
  )
}

/** PEM texts, the broker's own certificate first. */
const fetchChain = (input: {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const { host, port, timeoutMs } = input
    const socket = connect({
      host,
      port,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
    const deadline = setTimeout(() => socket.destroy(new Error('connack timeout')), timeoutMs)
    socket.once('close', () => clearTimeout(deadline))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const chain: string[] = []
      const seen = new Set<DetailedPeerCertificate>()
      let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
      while (next?.raw !== undefined && !seen.has(next)) {
        seen.add(next)
        chain.push(new X509Certificate(next.raw).toString())
        next = next.issuerCertificate
      }
      // Tidily: cut off in the handshake it would stand in the broker's log as a fault.
      socket.end()
      resolve(chain)
    })
  })
