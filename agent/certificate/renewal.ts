/**
 * A new certificate before the one in use runs out. When that is the broker says: it has the clock that certificates are
 * judged by, and this device may have none. So it is asked at the start, again when it said to, and at least once a day: either
 * clock may have been set meanwhile, and that of a device that sleeps stands still:
 *
 *   ask when → wait → ask when → "now" → new key and request → certificate → one file replaced → wait
 *
 * The connection stays as it is. The link reads the file before each attempt, so the next connection has the new one.
 */
import type { Logger } from 'pino'
import type { Link } from '../../src/link/link.ts'
import type { CertificateResponse } from '../../src/protocol/certificate.ts'
import { certificateResponseSchema } from '../../src/protocol/certificate.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { Topics } from '../../src/protocol/topics.ts'
import { checkCertificate, identityText } from './identity-file.ts'

/** The file with key and certificate, and the authority of the site. */
export type CertificateFiles = {
  readonly authority: () => Promise<string>
  /** As a whole or not at all. */
  readonly replace: (text: string) => Promise<void>
}

export type RenewalInput = {
  readonly device: string
  readonly topics: Topics
  readonly link: () => Pick<Link, 'isConnected' | 'publish' | 'subscribe'>
  readonly files: CertificateFiles
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log: Logger
}

export type Renewal = {
  readonly onReady: () => void
  /** Waits for nothing: what it does next needs answers of the broker. */
  readonly onResponse: (payload: Uint8Array) => void
  readonly stop: () => void
}

/** Without an answer, or with one that says no; a random half of it comes to it. */
const retryMs = 3_600_000
/** A fleet that was made on one day does not come as one: so much of the time comes to it. */
const jitter = 0.1
const dayMs = 86_400_000

export const createRenewal = (input: RenewalInput): Renewal => {
  const { device, topics, link, files, monotonicMs, random, log } = input
  let nextMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  /** Asked for with and not in use yet: with the same key a lost or unwritten certificate comes again, and none is wasted. */
  let newKey: string | undefined
  let isAsked = false
  /** The connection still has the one before, which is due whenever the broker is asked. */
  let isInUse = true
  let isStopped = false
  let last: Promise<void> = Promise.resolve()

  const waitFor = (renewInMs: number): void => {
    nextMs = monotonicMs() + (isInUse ? Math.min(renewInMs, dayMs) : renewInMs) * (1 + jitter * random())
    look()
  }

  const look = (): void => {
    clearTimeout(timer)
    if (isStopped) return
    const leftMs = nextMs - monotonicMs()
    // Offline: the next connection looks again.
    if (leftMs <= 0 && !link().isConnected()) return
    if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, dayMs)).unref()
    else void ask()
  }

  const ask = async (request?: string): Promise<void> => {
    // Set before it is sent: a broker that ends the connection over it is not asked again at once.
    nextMs = monotonicMs() + retryMs * (1 + random() / 2)
    try {
      if (request === undefined) {
        isAsked = false
        await link().subscribe([topics.certificate(device, 'response')], 1)
      }
      const message = { schema: 1, at: Math.max(0, input.nowMs()), ...(request === undefined ? {} : { request }) }
      await link().publish(topics.certificate(device, 'request'), writePayload(message), { qos: 1, retain: false })
    } catch (error) {
      log.debug({ ...reasonOf(error) }, 'the broker could not be asked for a certificate')
    }
    look()
  }

  const askForNew = async (): Promise<void> => {
    // Loaded for this alone, some twice a year.
    const [{ newKeyPem }, { makeRequest }] = await Promise.all([
      import('../../src/pki/keys.ts'),
      import('../../src/pki/certificate-request.ts'),
    ])
    newKey ??= await newKeyPem()
    isAsked = true
    await ask(await makeRequest(newKey, device))
  }

  const take = async (certificate: string, renewInMs: number): Promise<void> => {
    const key = newKey
    // Of a request that another process of this device made.
    if (key === undefined || !isAsked) return
    isAsked = false
    checkCertificate(certificate, { key, authority: await files.authority(), device })
    await files.replace(identityText(key, certificate))
    newKey = undefined
    isInUse = false
    log.info({ renewInMs }, 'the certificate of this device was renewed; the next connection has it')
    waitFor(renewInMs)
  }

  const answered = async ({ certificate, renewInMs, reason }: CertificateResponse): Promise<void> => {
    if (reason !== undefined) log.warn({ ...reason }, 'the broker renews the certificate of this device not')
    else if (certificate !== undefined) await take(certificate, renewInMs ?? retryMs)
    else if (renewInMs === 0 && !isAsked) await askForNew()
    else if (renewInMs !== undefined && renewInMs > 0) waitFor(renewInMs)
  }

  const hear = async (payload: Uint8Array): Promise<void> => {
    const read = readPayload(certificateResponseSchema, payload)
    try {
      if (read.ok) await answered(read.value)
      else log.warn({ ...read.reason }, 'an answer of the authority means nothing')
    } catch (error) {
      // The one in use stays; nothing else depends on it.
      log.error({ ...reasonOf(error) }, 'the certificate of this device could not be renewed; trying again')
    }
  }

  return {
    onReady: () => {
      if (!isInUse) nextMs = Math.min(nextMs, monotonicMs() + dayMs)
      isInUse = true
      look()
    },
    onResponse: (payload) => {
      last = last.then(() => hear(payload))
    },
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
