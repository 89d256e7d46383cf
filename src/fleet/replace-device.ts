/**
 * Gives a new board what a dead one had. Each step looks at what is there first, so that it can be run again from the
 * beginning after it was broken off, or when the new board has come online.
 */
import { LongshoreError, reasonOf } from '../protocol/reason.ts'
import { ask } from './command.ts'
import { deploy } from './deploy.ts'
import type { Fleet } from './fleet.ts'
import { forgetDevice } from './forget.ts'
import { planReplacement, type ReplacementPlan } from './plan-replacement.ts'
import { readState } from './read-state.ts'
import { listSecrets } from './secrets.ts'

export type ReplaceInput = {
  readonly from: string
  readonly to: string
  readonly by: string
  /** also while the old board is online, and over other releases on the new one */
  readonly force: boolean
  /** afterwards, if nothing is left to be done but secrets */
  readonly forget: boolean
  readonly dryRun: boolean
  /** for the labels, which only the new board itself can set */
  readonly timeoutMs: number
  readonly nowMs: () => number
}

export type Replaced = {
  readonly plan: ReplacementPlan
  /** what could not be done now: it can be run again */
  readonly left: readonly string[]
  /** so many retained messages of the old board were cleared */
  readonly forgotten?: number
}

/** @throws LongshoreError usage, reference-missing (nobody knows the old board), device-online */
export const replaceDevice = async (fleet: Fleet, input: ReplaceInput): Promise<Replaced> => {
  const { from, to, force, dryRun } = input
  if (from === to) throw new LongshoreError('usage', `${from} cannot take its own place`)
  const { topics } = fleet
  const retained = await fleet.read(
    [from, to].flatMap((device) => [
      ...[topics.status(device), topics.inventory(device)],
      ...[topics.desired(device, '+'), topics.reported(device, '+')],
    ]),
  )
  const state = readState(topics, retained)
  const old = state.get(from)
  if (old === undefined) throw new LongshoreError('reference-missing', `the broker retains nothing of device ${from}`)
  if (old.status?.online === true && !force)
    throw new LongshoreError('device-online', `device ${from} is online: two boards would do the same work`)
  const [fromSecrets, toSecrets] = [await listSecrets(fleet, [from]), await listSecrets(fleet, [to])]
  const plan = planReplacement({
    from: old,
    to: state.get(to),
    fromSecrets: fromSecrets.found,
    toSecrets: toSecrets.found,
  })
  if (dryRun) return { plan, left: [] }
  const isOnline = state.get(to)?.status?.online === true
  // Labels first: an app may ask for them.
  const left = [
    ...fromSecrets.faults.map(({ message }) => message),
    ...(await copyLabels(fleet, input, plan, isOnline)),
    ...(await copyApps(fleet, input, plan)),
  ]
  if (!input.forget || left.length > 0) return { plan, left }
  return { plan, left, forgotten: (await forgetDevice(fleet, from, force)).length }
}

const copyLabels = async (
  fleet: Fleet,
  { from, to, timeoutMs, nowMs }: ReplaceInput,
  { labels }: ReplacementPlan,
  isOnline: boolean,
): Promise<string[]> => {
  if (Object.keys(labels).length === 0) return []
  const names = Object.keys(labels).join(', ')
  if (!isOnline) return [`${to} is not online, and lacks these labels of ${from}: ${names}`]
  try {
    const args = { set: { ...labels }, remove: [] }
    const reply = await ask(fleet, { device: to, verb: 'set-labels', args, timeoutMs, now: nowMs() })
    return reply.outcome === 'done' ? [] : [`labels ${names}: ${reply.outcome}: ${reply.reason?.message ?? ''}`]
  } catch (error) {
    return [`labels ${names}: ${reasonOf(error).message}`]
  }
}

const copyApps = async (
  fleet: Fleet,
  { to, by, force, nowMs }: ReplaceInput,
  { apps }: ReplacementPlan,
): Promise<string[]> => {
  const left: string[] = []
  for (const { app, action, desired } of apps) {
    if (action === 'same') continue
    if (action === 'other' && !force) {
      left.push(`${to} has another release of ${app}; --force takes its place`)
      continue
    }
    try {
      const { compose, files } = desired
      await deploy(fleet, { compose, files }, { device: to, app, by, now: nowMs() })
    } catch (error) {
      left.push(`${app}: ${reasonOf(error).message}`)
    }
  }
  return left
}
