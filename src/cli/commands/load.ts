/** `longshore load`: a bundle onto the device that this runs on, through its agent, without a broker. */
import { pipeline, Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { type OpenBundle, openBundle } from '../../bundle/read-bundle.ts'
import { endingOf } from '../../fleet/outcome.ts'
import type { Code } from '../../protocol/codes.ts'
import type { Judgement } from '../../protocol/local.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import type { Reported } from '../../protocol/reported.ts'
import { parseSeconds } from '../arguments.ts'
import { byteProgress } from '../byte-progress.ts'
import { createLive } from '../live.ts'
import { type LocalAgent, localAgent } from '../local-agent.ts'
import { say, sayJson } from '../output.ts'
import { showEnding } from './deploy.ts'

type Options = { state: string; wait?: boolean; timeout: number; json?: boolean }

export const addLoad = (program: Command): void => {
  program
    .command('load')
    .description('deploy a bundle on this device, through its agent, without a broker')
    .argument('<file>', 'file made by longshore bundle')
    .option('--state <dir>', 'state folder of the agent', '/var/lib/longshore')
    .option('-w, --wait', 'wait for the outcome, and show progress')
    .option('--timeout <seconds>', 'how long to wait', parseSeconds, 600)
    .option('--json', 'one line of JSON an event, and one for the result')
    .addHelpText(
      'after',
      `
Broken off anywhere, it can be run again: before the last step nothing is changed but which images are there.

Example:
  longshore load /media/usb/line3.tar --wait

Exit codes: 0 done, 1 failed or refused, 2 the file or the command line is not valid, 3 no agent answered, or there was no outcome in time`,
    )
    .action(run)
}

const run = async (file: string, options: Options): Promise<void> => {
  const json = options.json === true
  const agent = localAgent(options.state)
  const opened = await openBundle(file)
  try {
    const { bundle } = opened
    const before = await agent.reported(bundle.app)
    // A refusal comes before gigabytes are loaded.
    const foreseen = requireTaken(await agent.check(bundle))
    if (foreseen.missing.length > 0) await loadImages(agent, opened, json)
    const judged = requireTaken(await agent.deploy(bundle))
    announce(bundle.app, judged, json)
    if (options.wait === true) process.exitCode = await waitForOutcome(agent, bundle.app, judged, before, options)
  } finally {
    await opened.close()
  }
}

/** @throws LongshoreError with the reason of a refusal */
const requireTaken = (judgement: Judgement): Judgement => {
  if (judgement.kind !== 'refused') return judgement
  const { device, outcome = 'rejected', reason } = judgement
  throw new LongshoreError((reason?.code ?? 'internal-error') as Code, `${device}: ${outcome}: ${reason?.message}`)
}

const loadImages = async (agent: LocalAgent, { archive, archiveBytes }: OpenBundle, json: boolean): Promise<void> => {
  const progress = byteProgress(process.stderr, Date.now)
  let sentBytes = 0
  const counted = new Transform({
    transform: (chunk: Buffer, _, done) => {
      sentBytes += chunk.length
      if (!json) progress.show('loading images', sentBytes, archiveBytes)
      done(null, chunk)
    },
  })
  const source = archive()
  pipeline(source, counted, () => undefined) // what goes wrong with one is seen on the other
  try {
    await agent.loadImages(counted, archiveBytes)
  } finally {
    source.destroy()
    progress.end()
  }
}

const announce = (app: string, { device, generation, kind }: Judgement, json: boolean): void => {
  if (json) sayJson({ event: 'deployed', device, app, generation, known: kind === 'known' })
  else if (kind === 'known') say(`${device}: ${app} is there already, generation ${generation}`)
  else say(`${device}: ${app} is accepted, generation ${generation}`)
}

const lookEveryMs = 250

const waitForOutcome = async (
  agent: LocalAgent,
  app: string,
  { device, generation }: Judgement,
  before: Reported | undefined,
  options: Options,
): Promise<number> => {
  const json = options.json === true
  const live = createLive([device], { json, stream: process.stdout })
  const deadlineMs = performance.now() + options.timeout * 1000
  let shown = ''
  try {
    for (;;) {
      const reported = await agent.reported(app)
      if (reported !== undefined) {
        const { at: _, ...body } = reported
        const ending = endingOf({ generation }, reported, before)
        if (shown !== JSON.stringify(body) && (ending !== undefined || reported.generation === generation))
          live.show({ kind: 'reported', device, reported })
        shown = JSON.stringify(body)
        if (ending !== undefined) {
          live.end()
          return showEnding(device, ending, json)
        }
      }
      if (performance.now() > deadlineMs) throw late(device, reported, options.timeout)
      await delay(lookEveryMs)
    }
  } finally {
    live.end()
  }
}

const late = (device: string, reported: Reported | undefined, timeoutS: number): LongshoreError => {
  const waiting = reported?.waitingFor?.map(({ message }) => message).join('; ') ?? reported?.reason?.message
  const why = waiting === undefined ? '' : `: ${waiting}`
  return new LongshoreError(
    'no-answer',
    `${device} is still ${reported?.phase ?? 'silent'}${why} (waited ${timeoutS} s)`,
  )
}
