/**
 * Reads and changes the secrets of an app on a device. All of an app stand in one retained message, so a change reads it,
 * keeps the other ciphertexts as they are, and notices when somebody else was at it at the same time: MQTT has no
 * compare-and-set.
 */
import { createHash } from 'node:crypto'
import { defined } from '../defined.ts'
import { defaultMaxBytes, readPayload, writePayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type SealedSecret, type Secrets, secretsSchema } from '../protocol/secret.ts'
import type { Fleet } from './fleet.ts'
import { additionsTo, applyPatch, type Entries, entryOf, isApplied, type Patch, patchBetween } from './merge-secrets.ts'
import { seal } from './seal.ts'

export type SecretsInput = {
  readonly device: string
  /** or `_registry` */
  readonly app: string
  readonly by: string
  /** epoch ms */
  readonly now: number
}

export type PutInput = SecretsInput & {
  readonly set: Readonly<Record<string, Uint8Array>>
  readonly remove: readonly string[]
  /** what `set` is sealed for; whether to trust it was decided before */
  readonly recipient: string
}

/** undefined: there are none. @throws LongshoreError message-invalid and the like when what is retained cannot be read */
export const readSecrets = async (fleet: Fleet, device: string, app: string): Promise<Secrets | undefined> => {
  const topic = fleet.topics.secret(device, app)
  return parse(topic, { device, app }, (await fleet.read([topic])).get(topic))
}

/**
 * All secrets of some devices (`+`: of every one), or those of one app, sorted by device and app; what cannot be read of them is in `faults`.
 * Never a value: nobody but the device can open one.
 */
export const listSecrets = async (
  fleet: Fleet,
  devices: readonly string[],
  app = '+',
): Promise<{ readonly found: readonly Secrets[]; readonly faults: readonly LongshoreError[] }> => {
  const retained = await fleet.read(devices.map((device) => fleet.topics.secret(device, app)))
  const found: Secrets[] = []
  const faults: LongshoreError[] = []
  for (const [topic, payload] of [...retained].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parsed = fleet.topics.parse(topic)
    if (parsed?.kind !== 'secret') continue
    try {
      const secrets = parse(topic, parsed, payload)
      if (secrets !== undefined) found.push(secrets)
    } catch (error) {
      if (!(error instanceof LongshoreError)) throw error
      faults.push(error)
    }
  }
  return { found, faults }
}

/**
 * Resolves with what the broker is seen to retain; undefined when no secret is left and the topic is empty.
 * @throws LongshoreError secret-unknown (to be removed and not there), secret-too-large, recipient-invalid,
 * not-retained, superseded (others change it without end), message-invalid and the like
 */
export const putSecrets = async (fleet: Fleet, input: PutInput): Promise<Secrets | undefined> => {
  const { set, remove, recipient, now } = input
  const sealed = await Promise.all(
    Object.entries(set).map(async ([name, value]) => ({
      name,
      to: { age: await seal(name, value, recipient), at: now },
    })),
  )
  return await change(fleet, input, (entries) => {
    const unknown = remove.filter((name) => entryOf(entries, name) === undefined)
    if (unknown.length > 0)
      throw new LongshoreError('secret-unknown', `${input.device}: ${input.app} has no secret ${unknown.join(', ')}`)
    return patchOf(entries, [...remove.map((name) => ({ name, to: undefined })), ...sealed])
  })
}

/** Puts ciphertexts back as they were, from a backup; other names stay. @throws LongshoreError as `putSecrets` */
export const restoreSecrets = (fleet: Fleet, input: SecretsInput & { readonly secrets: Entries }) =>
  change(fleet, input, (entries) =>
    patchOf(
      entries,
      Object.entries(input.secrets).map(([name, to]) => ({ name, to })),
    ),
  )

const patchOf = (
  entries: Entries,
  steps: readonly { readonly name: string; readonly to: SealedSecret | undefined }[],
): Patch => Object.fromEntries(steps.map(({ name, to }) => [name, { from: entryOf(entries, name)?.age, to }]))

/** What a change was made from. */
type Base = { readonly base: Secrets | undefined; readonly replaces: string | undefined }

const digestOfBytes = (payload: Buffer): string => `sha256:${createHash('sha256').update(payload).digest('hex')}`

/** How often a change that somebody else's took the place of is made again. */
const tries = 6

const change = async (
  fleet: Fleet,
  input: SecretsInput,
  decide: (entries: Entries) => Patch,
): Promise<Secrets | undefined> => {
  const topic = fleet.topics.secret(input.device, input.app)
  /** What came while this runs, in the order of the broker; copies that a subscription brings are not news. */
  const heard: Buffer[] = []
  const end = await fleet.watch([topic], ({ payload, retain }) => {
    if (!retain) heard.push(payload)
  })
  const readLatest = async () => {
    const payload = (await fleet.read([topic])).get(topic)
    const heardBefore = heard.length
    const replaces = payload === undefined ? undefined : digestOfBytes(payload)
    return { secrets: parse(topic, input, payload), heardBefore, replaces }
  }
  try {
    let latest = await readLatest()
    const own = decide(latest.secrets?.secrets ?? {})
    let patch = own
    let isHeard = false
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      const { secrets: base, heardBefore, replaces } = latest
      const before = base?.secrets ?? {}
      const payload = compose(input, { base, replaces }, applyPatch(before, patch))
      await fleet.publish(topic, payload, { retain: true })
      latest = await readLatest()
      const echo = heard.findIndex((message, index) => index >= heardBefore && message.equals(payload))
      isHeard ||= echo >= 0
      // These came after what was read and before what was sent: ours took their place, unseen.
      for (const overwritten of heard.slice(heardBefore, echo < 0 ? heard.length : echo))
        patch = { ...patch, ...patchOfOther({ base, replaces }, overwritten), ...own }
      if (isApplied(latest.secrets?.secrets ?? {}, patch)) return latest.secrets
    }
    if (isHeard)
      throw new LongshoreError(
        'superseded',
        `${input.device}: ${latest.secrets?.by ?? 'somebody'} changes the secrets of ${input.app} at the same time`,
      )
    throw new LongshoreError(
      'not-retained',
      `${input.device}: the broker acknowledged the secrets but does not keep them on ${topic}`,
    )
  } finally {
    await end()
  }
}

/** @throws LongshoreError secret-too-large */
const compose = ({ device, app, by, now }: SecretsInput, { base, replaces }: Base, entries: Entries): Buffer => {
  if (Object.keys(entries).length === 0) return Buffer.alloc(0)
  // Whoever forges the highest number there is must not make every later message unreadable.
  const issuedAt = Math.min(Number.MAX_SAFE_INTEGER, Math.max(now, (base?.issuedAt ?? 0) + 1))
  const message: Secrets = { schema: 1, device, app, issuedAt, ...defined({ replaces }), by, secrets: entries }
  const payload = writePayload(message)
  if (payload.byteLength <= defaultMaxBytes) return payload
  throw new LongshoreError(
    'secret-too-large',
    `${device}: all secrets of ${app} together have ${payload.byteLength} bytes, the most is ${defaultMaxBytes}`,
  )
}

/** An empty payload is no secrets; what cannot be read is never written over. */
const parse = (
  topic: string,
  { device, app }: Pick<SecretsInput, 'device' | 'app'>,
  payload: Buffer | undefined,
): Secrets | undefined => {
  if (payload === undefined || payload.byteLength === 0) return undefined
  const read = readPayload(secretsSchema, payload, Number.POSITIVE_INFINITY)
  if (!read.ok) throw new LongshoreError(read.reason.code, `what is retained on ${topic}: ${read.reason.message}`)
  const { value } = read
  if (value.device !== device)
    throw new LongshoreError('device-mismatch', `what is retained on ${topic} names device ${value.device}`)
  if (value.app !== app) throw new LongshoreError('app-mismatch', `what is retained on ${topic} names app ${value.app}`)
  return value
}

/** What somebody else meant to change. Nobody overwrites an unreadable message, so that says nothing. */
const patchOfOther = ({ base, replaces }: Base, payload: Buffer): Patch => {
  if (payload.byteLength === 0) return {}
  const read = readPayload(secretsSchema, payload, Number.POSITIVE_INFINITY)
  if (!read.ok) return {}
  const { secrets } = read.value
  const before = base?.secrets ?? {}
  return read.value.replaces === replaces ? patchBetween(before, secrets) : additionsTo(before, secrets)
}
