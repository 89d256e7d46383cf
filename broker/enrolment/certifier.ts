/**
 * The authority at work: takes what was published to the topics for it, one at a time, so that of two with the last use of
 * a token one gets it, and answers on the topic beside. Who asks is whom the broker let in, never what a message says.
 */
import type { Logger } from 'pino'
import { defined } from '../../src/defined.ts'
import { issueClient } from '../../src/pki/authority.ts'
import { readRequest } from '../../src/pki/certificate-request.ts'
import { readCertificate } from '../../src/pki/read-certificate.ts'
import {
  type CertificateRequest,
  type CertificateResponse,
  certificateRequestSchema,
} from '../../src/protocol/certificate.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { Topics } from '../../src/protocol/topics.ts'
import { createMinuteQuota } from '../access/minute-quota.ts'
import { type Holder, judgeEnrolment, judgeRenewal, renewInMs, type Verdict } from './judge-request.ts'
import type { Issued } from './ledger.ts'
import type { Site } from './open-site.ts'

/** Whoever publishes, as the broker let him in. */
export type Asker = {
  readonly client: string
  readonly address: string
  /** undefined: it came with none */
  readonly token?: string
  /** of a device that came with a certificate */
  readonly device?: string
  readonly serial?: string
}

export type Certifier = { readonly published: (topic: string, payload: Uint8Array, asker: () => Asker) => void }

/** More than any site has devices; of each client one waits. */
const mostWaiting = 10_000
/** Of one client: nobody fills the log, or keeps others waiting. */
const mostAMinute = 60
const mostBytes = 32 * 1024

type Answer = Omit<CertificateResponse, 'schema' | 'at'>

export const createCertifier = (input: {
  readonly site: Site
  readonly topics: () => Topics
  readonly lifetimeMs: number
  readonly holderOf: (name: string) => Holder | undefined
  readonly answer: (topic: string, payload: Buffer) => void
  /** Somebody with a token asked for what he does not get. */
  readonly failed: (address: string) => void
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly log: Logger
}): Certifier => {
  const { site, lifetimeMs, nowMs, monotonicMs, log } = input
  /** client ids */
  const waiting = new Set<string>()
  const quota = createMinuteQuota(mostAMinute)
  let last: Promise<void> = Promise.resolve()

  const issue = async (verdict: Verdict, request: string | undefined, key: string, token?: string): Promise<Issued> => {
    if (verdict.kind === 'again') return verdict.issued
    if (verdict.kind !== 'issue' || request === undefined) throw new Error('nothing to issue')
    const { device, since } = verdict
    const issuedAt = nowMs()
    const certificate = await issueClient(site.authority, {
      request,
      commonName: device,
      notAfter: issuedAt + lifetimeMs,
    })
    const { serial, notAfter } = readCertificate(certificate)
    const issued = {
      serial,
      device,
      key,
      since,
      issuedAt,
      notAfter,
      certificate,
      ...(token === undefined ? {} : { token }),
    }
    await site.ledger.append(issued)
    return issued
  }

  const decide = async (asker: Asker, message: CertificateRequest): Promise<Answer> => {
    const facts = message.request === undefined ? undefined : await readRequest(message.request)
    if (message.request !== undefined && facts === undefined)
      return { reason: { code: 'message-invalid', message: 'request: is no request for a certificate on P-256' } }
    const now = nowMs()
    const { token, device, serial } = asker
    const verdict: Verdict =
      token !== undefined
        ? facts === undefined
          ? { kind: 'refuse', code: 'message-invalid', message: 'request: is missing' }
          : judgeEnrolment({
              tokenId: token,
              token: site.tokens().get(token),
              request: facts,
              issued: site.ledger.all(),
              revocations: site.revocations(),
              holderOf: input.holderOf,
              nowMs: now,
            })
        : judgeRenewal({
            device: device ?? asker.client,
            current: serial === undefined ? undefined : site.ledger.bySerial(serial),
            request: facts,
            issued: device === undefined ? [] : site.ledger.ofDevice(device),
            nowMs: now,
          })
    if (verdict.kind === 'refuse') return { reason: { code: verdict.code, message: verdict.message } }
    if (verdict.kind === 'wait') return { renewInMs: verdict.renewInMs }
    const issued = await issue(verdict, message.request, facts?.key ?? '', token)
    log.info(
      { device: issued.device, serial: issued.serial, token, notAfter: new Date(issued.notAfter).toISOString() },
      verdict.kind === 'again' ? 'certificate handed over again' : 'certificate issued',
    )
    const labels = token === undefined ? undefined : site.tokens().get(token)?.labels
    return {
      device: issued.device,
      certificate: issued.certificate,
      renewInMs: renewInMs(issued, now),
      ...(labels === undefined ? {} : { labels }),
    }
  }

  const take = async (topic: string, payload: Uint8Array, asker: Asker): Promise<void> => {
    // What was taken back or revoked a moment ago holds already.
    await site.check()
    const read = readPayload(certificateRequestSchema, payload, mostBytes)
    const answer: Answer = read.ok
      ? await decide(asker, read.value).catch((error: unknown) => ({ reason: reasonOf(error) }))
      : { reason: read.reason }
    if (answer.reason !== undefined) {
      log.warn({ ...asker, ...answer.reason }, 'no certificate is issued')
      if (asker.token !== undefined) input.failed(asker.address)
    }
    input.answer(topic, writePayload({ schema: 1, at: nowMs(), ...answer } satisfies CertificateResponse))
  }

  return {
    published: (topic, payload, asker) => {
      // Asked for every message there is.
      if (!topic.endsWith('/request') || waiting.size >= mostWaiting) return
      const asked = whatIsAsked(input.topics(), topic, asker())
      if (asked === undefined) return
      const { client } = asked.asker
      if (waiting.has(client) || !quota.isLeft(client, monotonicMs())) return
      quota.spend(client, monotonicMs())
      waiting.add(client)
      last = last
        .then(() => take(asked.answerTopic, payload, asked.asker))
        .catch((error: unknown) => log.error({ err: error }, 'a request for a certificate could not be answered'))
        .finally(() => {
          waiting.delete(client)
        })
    },
  }
}

/** An operator may write everywhere; but a certificate is asked for by whom it is for, and by nobody else. */
const whatIsAsked = (topics: Topics, topic: string, { client, address, token, device, serial }: Asker) => {
  const id = topics.parseEnroll(topic)
  if (id !== undefined) {
    const asker: Asker = token !== undefined && id === client ? { client, address, token } : { client, address }
    return { answerTopic: topics.enroll(id, 'response'), asker }
  }
  const parsed = topics.parse(topic)
  if (parsed?.kind !== 'certificate' || parsed.way !== 'request') return undefined
  const asker = device === parsed.device ? { client, address, device, ...defined({ serial }) } : { client, address }
  return { answerTopic: topics.certificate(parsed.device, 'response'), asker }
}
