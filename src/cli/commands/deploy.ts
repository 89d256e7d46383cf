/** `longshore deploy`: a Compose file onto one or more devices. */
import type { Command } from 'commander'
import { type Deployed, deploy, type ReleaseContent } from '../../fleet/deploy.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import type { Ending } from '../../fleet/outcome.ts'
import { waitForEnding } from '../../fleet/wait.ts'
import { explain } from '../../protocol/codes.ts'
import { defaultMaxBytes } from '../../protocol/payload.ts'
import { reasonOf } from '../../protocol/reason.ts'
import { collectDevices, operator, parseApp, parseCount, parseSeconds } from '../arguments.ts'
import { type ComposeOptions, withComposeOptions } from '../compose-options.ts'
import { type BrokerOptions, resolveBroker, withBrokerOptions, withFleet } from '../context.ts'
import { prepareSecrets, type SendSecrets } from '../deploy-secrets.ts'
import { createLive } from '../live.ts'
import { exitCode, exitCodeOf, paint, remark, say, sayJson } from '../output.ts'
import { prepareRelease } from '../prepare-release.ts'

type Options = BrokerOptions &
  ComposeOptions & {
    device: string[]
    wait?: boolean
    timeout: number
    maxBytes: number
    replaceFiles?: boolean
    adopt?: boolean
    pull?: boolean
    now?: boolean
  }

export const addDeploy = (program: Command): void => {
  withBrokerOptions(withComposeOptions(program.command('deploy')))
    .description('deploy Compose files as an app to one or more devices')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device to deploy to; may be given several times', collectDevices)
    .option('-w, --wait', 'wait for the outcome on every device, and show progress')
    .option('--timeout <seconds>', 'how long to wait', parseSeconds, 600)
    .option('--replace-files', 'writable files that were changed on the device are replaced all the same')
    .option(
      '--adopt',
      'take over the volumes, networks and containers of a Compose project of this name that runs there already',
    )
    .option('--pull', 'ask the registry for every image, as with pull_policy: always')
    .option('--now', 'do not wait for windows, locks and holds')
    .option('--max-bytes <n>', 'the longest message that may be sent', parseCount, defaultMaxBytes)
    .option('--json', 'one line of JSON an event, and one for the result')
    .addHelpText(
      'after',
      `
Examples:
  longshore deploy line3 -f compose.yaml --device gw-17 --wait
  longshore deploy line3 --device gw-17 --device gw-18 --set TAG=1.4.2
  longshore deploy line3 -f compose.yaml -f compose.site-a.yaml --profile metrics --device gw-17

Exit codes: 0 done, 1 failed or refused on some device, 2 the file or the command line is not valid, 3 nobody answered in time`,
    )
    .action(run)
}

const run = async (app: string, options: Options): Promise<void> => {
  const json = options.json === true
  const prepared = await prepareRelease(options, app)
  const { compose, files, notes } = prepared
  const sendSecrets = await prepareSecrets(app, prepared, await resolveBroker(options))
  if (!json) for (const note of notes) remark(`note: ${note}`)
  const content: ReleaseContent = {
    compose,
    files,
    ...(options.replaceFiles === true ? { replaceFiles: true } : {}),
    ...(options.adopt === true ? { adopt: true } : {}),
    ...(options.pull === true ? { pull: true } : {}),
    ...(options.now === true ? { now: true } : {}),
  }
  process.exitCode = await withFleet(options, async (fleet) => {
    const ready = await sendAllSecrets(fleet, options.device, sendSecrets)
    const results = await Promise.all(
      ready.map((result) => ('error' in result ? result : deployTo(fleet, result, app, content))),
    )
    const sent = results.filter((result) => 'deployed' in result)
    const failures = results.filter((result) => 'error' in result)
    for (const { device, error } of failures) {
      if (json) sayJson({ event: 'failed', device, reason: reasonOf(error) })
      else showFailure(device, error)
    }
    for (const result of sent) announce(app, result, json)
    const codes = failures.map(({ error }) => exitCodeOf(reasonOf(error).code))
    if (options.wait === true) codes.push(...(await waitForAll(fleet, sent, options.timeout * 1000, json)))
    return Math.max(exitCode.done, ...codes)
  })
}

/** Messages of the fleet library mostly begin with the device already. */
export const showFailure = (device: string, error: unknown): void => {
  const { code, message } = reasonOf(error)
  remark(message.startsWith(`${device}:`) ? message : `${device}: ${message}`)
  remark(`  ${explain(code).remedy} [${code}]`)
}

export type Sent = {
  readonly device: string
  readonly deployed: Deployed
  /** names of secrets that the app will wait for */
  readonly missingSecrets?: readonly string[]
}

type Ready = { readonly device: string; readonly missingSecrets: readonly string[] }
type Failed = { readonly device: string; readonly error: unknown }

/** Before the deployment, so that it finds them there. One device after the other: their keys are pinned in one file. */
const sendAllSecrets = async (
  fleet: Fleet,
  devices: readonly string[],
  sendSecrets: SendSecrets,
): Promise<(Ready | Failed)[]> => {
  const results: (Ready | Failed)[] = []
  for (const device of devices) {
    try {
      results.push({ device, missingSecrets: await sendSecrets(fleet, device) })
    } catch (error) {
      results.push({ device, error })
    }
  }
  return results
}

const deployTo = async (
  fleet: Fleet,
  { device, missingSecrets }: Ready,
  app: string,
  content: ReleaseContent,
): Promise<Sent | Failed> => {
  try {
    return {
      device,
      missingSecrets,
      deployed: await deploy(fleet, content, { device, app, by: operator(), now: Date.now() }),
    }
  } catch (error) {
    return { device, error }
  }
}

export const announce = (app: string, { device, deployed, missingSecrets = [] }: Sent, json: boolean): void => {
  const { deployment, isOnline } = deployed
  const { generation } = deployment
  if (json) sayJson({ event: 'deployed', device, app, generation, online: isOnline ?? null, missingSecrets })
  else say(`${device}: ${app} is assigned, generation ${generation}`)
  for (const name of json ? [] : missingSecrets)
    remark(`${device}: it waits for secret ${name}: longshore secret set ${app} ${name} --device ${device}`)
  if (json || isOnline === true) return
  if (isOnline === undefined) remark(`${device}: no device of this id was ever seen on this broker`)
  else remark(`${device} is offline and takes it up when it is back`)
}

const endingSignals = ['SIGINT', 'SIGTERM'] as const

const interrupted = new Error('the wait was given up')

/** Waits on every device and says how each ended; returns an exit code for each. */
export const waitForAll = async (
  fleet: Fleet,
  sent: readonly Sent[],
  timeoutMs: number,
  json: boolean,
): Promise<number[]> => {
  if (sent.length === 0) return []
  const live = createLive(
    sent.map(({ device }) => device),
    { json, stream: process.stdout },
  )
  const abort = new AbortController()
  const interrupt = (): void => abort.abort(interrupted)
  for (const signal of endingSignals) process.once(signal, interrupt)
  const endings = await Promise.all(
    sent.map(async ({ device, deployed: { deployment, before } }) => {
      const input = { deployment, before, timeoutMs, onEvent: live.show, signal: abort.signal }
      try {
        return { device, ending: await waitForEnding(fleet, input) }
      } catch (error) {
        return { device, error }
      }
    }),
  )
  for (const signal of endingSignals) process.removeListener(signal, interrupt)
  live.end()
  if (abort.signal.aborted) remark('no longer waiting; what was sent stays on the broker: see longshore status')
  return endings.map((result) =>
    'ending' in result ? showEnding(result.device, result.ending, json) : showLate(result.device, result.error, json),
  )
}

const showEnding = (device: string, ending: Ending, json: boolean): number => {
  if (json) sayJson({ event: 'ended', device, outcome: ending.outcome, reason: ending.reason ?? null })
  else if (ending.isSuccess) say(`${device}: ${paint('green', ending.outcome)}`)
  else
    say(
      `${device}: ${paint('red', ending.outcome)}${ending.reason === undefined ? '' : `: ${ending.reason.message} [${ending.reason.code}]`}`,
    )
  return ending.isSuccess ? exitCode.done : exitCode.failed
}

const showLate = (device: string, error: unknown, json: boolean): number => {
  if (error === interrupted) return exitCode.interrupted
  const reason = reasonOf(error)
  if (json) sayJson({ event: 'failed', device, reason })
  else remark(`${reason.message} [${reason.code}]`)
  return exitCodeOf(reason.code)
}
