/**
 * `longshore agent enroll`: a device that has nothing but a token becomes one of the fleet. Each step leaves something on the
 * disk that the next run goes on from, so it may be cut off anywhere and is simply run again:
 *
 *   key → (ask) → authority, key and certificate → enrolment.json → configuration → key away
 *
 * The key is made here and goes nowhere.
 */
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { z } from 'zod'
import { addressesOf } from '../../src/link/addresses.ts'
import { makeRequest } from '../../src/pki/certificate-request.ts'
import { newKeyPem } from '../../src/pki/keys.ts'
import { digestOfKeyPem, readCertificate } from '../../src/pki/read-certificate.ts'
import { readToken, type Token } from '../../src/pki/token.ts'
import { deviceIdSchema } from '../../src/protocol/names.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { defaultRoot } from '../../src/protocol/topics.ts'
import { checkCertificate, identityText } from '../certificate/identity-file.ts'
import { readIfThere } from '../secrets/secret-store.ts'
import { replaceFile, replaceText } from '../store/record-file.ts'
import { askCertificate } from './ask-certificate.ts'
import { checkAddresses, fetchAuthority } from './fetch-authority.ts'
import { openAgentConfig, writeAgentConfig } from './write-agent-config.ts'

export type EnrollInput = {
  /** one address, or several with commas between */
  readonly broker: string
  readonly token: string
  /** undefined: the one of the configuration, or of the token */
  readonly device: string | undefined
  /** absolute: the configuration of the agent */
  readonly config: string
  /** absolute; undefined: the one of the configuration, or the usual one */
  readonly state: string | undefined
  readonly root: string | undefined
  readonly timeoutMs: number
  readonly log: Logger
}

export type EnrolledDevice = {
  readonly device: string
  /** epoch ms */
  readonly notAfter: number
  /** It was so before, with the same token. */
  readonly isOld: boolean
}

const recordSchema = z.object({
  token: z.string(),
  device: deviceIdSchema,
  labels: z.record(z.string(), z.string()),
})

type EnrolmentRecord = z.infer<typeof recordSchema>

/** @throws LongshoreError usage, config-invalid, broker-*, token-refused, enrolment-refused, no-answer, state-unusable, disk-full */
export const enroll = async (input: EnrollInput): Promise<EnrolledDevice> => {
  const token = readToken(input.token)
  checkAddresses(addressesOf(input.broker))
  const document = openAgentConfig(await readIfThere(input.config), input.config)
  const text = (key: string): string | undefined => {
    const value = document.get(key)
    return typeof value === 'string' ? value : undefined
  }
  const device = input.device ?? text('device')
  if (device !== undefined && !deviceIdSchema.safeParse(device).success)
    throw new LongshoreError('usage', `${JSON.stringify(device)} is no device id`)
  const files = filesIn(input.state ?? text('state') ?? '/var/lib/longshore')
  await makePrivate(files.folder)
  const before = await readBefore(files.record, token)
  const isOld = before !== undefined && (await readIfThere(files.identity)) !== undefined
  const record = isOld ? before : await fetchCertificate(input, { token, device, files, root: text('root') })
  await mkdir(dirname(input.config), { recursive: true })
  const enrolled = {
    device: record.device,
    broker: input.broker,
    ca: files.authority,
    identity: files.identity,
    state: input.state,
    root: input.root,
    labels: record.labels,
  }
  await replaceText(input.config, writeAgentConfig(document, enrolled))
  await rm(files.key(token), { force: true })
  const { notAfter } = readCertificate((await readIfThere(files.identity)) ?? '')
  return { device: record.device, notAfter, isOld }
}

const filesIn = (state: string) => {
  const folder = join(state, 'certificate')
  return {
    folder,
    authority: join(folder, 'ca.pem'),
    identity: join(folder, 'device.pem'),
    record: join(folder, 'enrolment.json'),
    /** until there is a certificate for it; with another token another one */
    key: ({ id }: Token) => join(folder, `new-${id}.key`),
  }
}

const fetchCertificate = async (
  input: EnrollInput,
  asked: {
    readonly token: Token
    readonly device: string | undefined
    readonly files: ReturnType<typeof filesIn>
    readonly root: string | undefined
  },
): Promise<EnrolmentRecord> => {
  const { broker, timeoutMs, log } = input
  const { token, device, files } = asked
  const authority = await firstAuthority(addressesOf(broker), token.authority, timeoutMs)
  const key = (await readIfThere(files.key(token))) ?? (await newKeyPem())
  await replaceText(files.key(token), key)
  const answer = await askCertificate({
    broker,
    root: input.root ?? asked.root ?? defaultRoot,
    token,
    authority,
    request: await makeRequest(key, device),
    keyDigest: digestOfKeyPem(key),
    timeoutMs,
    log,
  })
  const { certificate = '', device: named = '', labels = {} } = answer
  checkCertificate(certificate, { key, authority, device: device ?? named })
  await replaceText(files.authority, authority)
  await replaceText(files.identity, identityText(key, certificate))
  const record = { token: token.id, device: named, labels }
  await replaceFile(files.record, record)
  return record
}

/** Of several brokers of one site the first that answers. */
const firstAuthority = async (
  addresses: readonly string[],
  fingerprint: string,
  timeoutMs: number,
): Promise<string> => {
  let fault: unknown
  for (const address of addresses) {
    try {
      return await fetchAuthority(address, fingerprint, timeoutMs)
    } catch (error) {
      fault = error
    }
  }
  throw fault
}

const readBefore = async (file: string, token: Token): Promise<EnrolmentRecord | undefined> => {
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  const parsed = recordSchema.safeParse(parseJson(text))
  return parsed.success && parsed.data.token === token.id ? parsed.data : undefined
}

/** What is damaged says nothing: the device is enrolled once more. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const makePrivate = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new LongshoreError('state-unusable', `${folder}: ${(error as Error).message}`, { cause: error })
  }
}
