/** Asks the authority behind a broker for a certificate, with a token. */
import type { Logger } from 'pino'
import { createLink } from '../../src/link/link.ts'
import { type Token, tokenUserPrefix } from '../../src/pki/token.ts'
import { type CertificateResponse, certificateResponseSchema } from '../../src/protocol/certificate.ts'
import type { Code } from '../../src/protocol/codes.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'

export type AskInput = {
  readonly broker: string
  readonly root: string
  readonly token: Token
  /** PEM text: the broker is believed for it alone */
  readonly authority: string
  /** PEM text */
  readonly request: string
  /** of the key that the request is for, so that nobody else with the token has it */
  readonly keyDigest: string
  readonly timeoutMs: number
  readonly log: Logger
}

/** These another try changes nothing about. */
const final: readonly Code[] = ['broker-refused', 'broker-untrusted', 'subscription-refused']

/** Tries until there is an answer. @throws LongshoreError token-refused, broker-untrusted, no-answer, or what the authority says */
export const askCertificate = async (input: AskInput): Promise<CertificateResponse> => {
  const { broker, root, token, authority, request, timeoutMs, log } = input
  const id = `${token.id}-${input.keyDigest.slice(0, 16)}`
  const topics = topicsUnder(root)
  let last: LongshoreError | undefined
  let timer: NodeJS.Timeout | undefined
  const { promise, resolve, reject } = settled<CertificateResponse>()
  const link = createLink({
    broker: { url: broker, ca: authority, username: `${tokenUserPrefix}${token.id}`, password: token.secret },
    clientId: id,
    clean: true,
    keepaliveS: 30,
    backOff: { baseMs: 500, capMs: 5_000 },
    random: Math.random,
    log,
    onConnect: async () => {
      await link.subscribe([topics.enroll(id, 'response')], 1)
      const message = { schema: 1, at: Math.max(0, Date.now()), request }
      await link.publish(topics.enroll(id, 'request'), writePayload(message), { qos: 1, retain: false })
    },
    onMessage: async (_topic, payload) => {
      const read = readPayload(certificateResponseSchema, payload)
      if (read.ok) resolve(read.value)
      else reject(new LongshoreError(read.reason.code, `the answer of the broker: ${read.reason.message}`))
    },
    onFailure: (reason) => {
      last = reason
      if (final.includes(reason.code)) reject(refused(reason))
    },
  })
  try {
    timer = setTimeout(() => {
      const said = last === undefined ? 'the broker has no authority of a site that would answer' : last.message
      reject(last ?? new LongshoreError('no-answer', said))
    }, timeoutMs)
    link.start()
    const answer = await promise
    if (answer.reason !== undefined) throw new LongshoreError(answer.reason.code as Code, answer.reason.message)
    return answer
  } finally {
    clearTimeout(timer)
    await link.stop()
  }
}

/** A broker gives a stranger no reasons; its log has them. */
const refused = (reason: LongshoreError): LongshoreError => {
  if (reason.code === 'broker-refused')
    return new LongshoreError(
      'token-refused',
      `the broker does not take the token, its log says why (${reason.message})`,
    )
  if (reason.code === 'subscription-refused')
    return new LongshoreError('token-refused', `${reason.message}; does the site have another --root?`)
  return reason
}

const settled = <T>() => {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((one, other) => {
    resolve = one
    reject = other
  })
  return { promise, resolve, reject }
}
