/**
 * The verb `run`: one command in a container of its own, made as that of a service is. What it says is told while it runs,
 * its exit code at the end; then the container is removed, by the next agent if this one is killed.
 */
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Model } from '../../src/compose/model.ts'
import { own } from '../../src/defined.ts'
import { appNameSchema } from '../../src/protocol/names.ts'
import { LongshoreError, type Reason, reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import { withSecretEnvironment } from '../reconcile/execute.ts'
import type { Reconciler } from '../reconcile/reconciler.ts'
import { type RunningRelease, runningRelease } from '../reconcile/running-release.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { emptyRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import type { Owner } from '../translate/engine-names.ts'
import { runName, runOwner, runSpec } from '../translate/run-spec.ts'
import { createOutputPump } from './output-pump.ts'
import { removeRun } from './sweep-runs.ts'
import { type Answer, refused, type Verb, type VerbContext, verbOf } from './verb.ts'

export type RunVerbInput = {
  readonly owner: Owner
  readonly store: Pick<Store, 'app'>
  readonly engine: Pick<Engine, 'list' | 'image' | 'createContainer' | 'runToEnd' | 'stopContainer' | 'removeContainer'>
  readonly files: Pick<ProjectFiles, 'paths'>
  readonly secrets: Pick<Secrets, 'versions' | 'value'>
  readonly reconciler: Pick<Reconciler, 'observe'>
  /** what the policy has by now against a model */
  readonly modelFault: (model: Model) => Reason | undefined
  /** the names of containers that this process runs a command in: nobody sweeps them away */
  readonly runsUnderWay: Set<string>
  readonly maxBytes: number
  readonly log: Logger
}

/** At once, of one device. */
const mostRuns = 4
const mostTimeoutMs = 3_600_000
const mostOutputBytes = 8 * 1024 * 1024
const mostPieceBytes = 16 * 1024
const retryMs = 1_000
/** After the end of the program, for what it said last. */
const lastWordsMs = 30_000
/** 128 and the number of SIGKILL. */
const killedExitCode = 137

const argsSchema = z.object({
  app: appNameSchema,
  service: z.string().min(1),
  command: z.array(z.string()).min(1).max(1_000),
  timeoutMs: z.int().min(1_000).max(mostTimeoutMs).default(60_000),
  devices: z.boolean().default(false),
  by: z.string().max(200).default('somebody'),
})

export const runVerb = (input: RunVerbInput): Verb => {
  const { owner, store, engine, runsUnderWay, log } = input
  return verbOf(argsSchema, async (args, context) => {
    const { app, service: serviceName, command, timeoutMs, by } = args
    const release = runningRelease(store.app(app) ?? emptyRecord(app))
    if ('reason' in release) return refused(release.reason)
    const fault = await runFault(input, release, serviceName)
    if (fault !== undefined) return refused(fault)
    if (runsUnderWay.size >= mostRuns) {
      const message = `${runsUnderWay.size} commands run in containers of their own already`
      return { outcome: 'busy', reason: { code: 'command-busy', message } }
    }
    const name = runName(owner.namePrefix, app, serviceName, context.id)
    runsUnderWay.add(name)
    log.warn({ app, service: serviceName, command: command[0], by }, 'a command runs in a container of its own')
    // Whoever asks waits for a silent command for as long as it may take, and for one that never begins only a moment.
    void context.progress({ doing: `running in ${name}` })
    try {
      await create(input, release, { ...args, name }, context)
      const { containers } = await engine.list({ agent: runOwner(owner.agent), app })
      const id = containers.find((container) => container.name === name)?.id
      if (id === undefined) throw new LongshoreError('engine-error', `container ${name} is gone again`)
      try {
        return await follow(input, id, timeoutMs, context)
      } finally {
        await removeRun(engine, id).catch((error: unknown) =>
          log.warn(
            { name, ...reasonOf(error) },
            'a container of a command could not be removed; the next start does it',
          ),
        )
      }
    } finally {
      runsUnderWay.delete(name)
    }
  })
}

const runFault = async (
  { engine, modelFault }: RunVerbInput,
  { app, compose, images }: RunningRelease,
  name: string,
): Promise<Reason | undefined> => {
  const service = own(compose.services, name)
  if (service === undefined) {
    const names = Object.keys(compose.services).sort().join(', ')
    return { code: 'reference-missing', message: `app ${app} has no service ${name}, but ${names}` }
  }
  const forbidden = modelFault(compose)
  if (forbidden !== undefined) return forbidden
  const imageId = own(images, service.image)
  return imageId === undefined || (await engine.image(imageId)) === undefined
    ? { code: 'image-missing', message: `image ${service.image} of service ${name} is not on the device` }
    : undefined
}

const create = async (
  { owner, engine, files, secrets, reconciler }: RunVerbInput,
  { app, compose, images, files: releaseFiles, generation, release }: RunningRelease,
  args: {
    readonly name: string
    readonly service: string
    readonly command: readonly string[]
    readonly devices: boolean
  },
  { id }: VerbContext,
): Promise<void> => {
  const service = compose.services[args.service] ?? { image: '' }
  const { containers } = await reconciler.observe(app)
  const running = containers.filter(({ state }) => state === 'running')
  const spec = runSpec({
    ...{ owner, app, model: compose, name: args.service, service, generation, release },
    ...{ id, command: args.command, hasDevices: args.devices },
    imageId: images[service.image] ?? '',
    files: releaseFiles,
    secretVersions: secrets.versions(app),
    paths: files.paths(app),
    joined: Object.fromEntries(running.map((container) => [container.service, container.id])),
  })
  await engine.createContainer(args.name, await withSecretEnvironment(spec, app, secrets.value))
}

const follow = async (
  { engine, maxBytes }: RunVerbInput,
  id: string,
  timeoutMs: number,
  { progress, signal }: VerbContext,
): Promise<Answer> => {
  const late = AbortSignal.timeout(timeoutMs)
  let endMs = performance.now() + timeoutMs
  const pump = createOutputPump({
    // Base64 makes four of three; the rest is for the message around it.
    pieceBytes: Math.min(mostPieceBytes, Math.floor((maxBytes - 1_024) / 2)),
    mostBytes: mostOutputBytes,
    send: progress,
    pause: async () => {
      await new Promise((resolve) => setTimeout(resolve, retryMs))
      return !signal.aborted && performance.now() < endMs + lastWordsMs
    },
  })
  const exitCode = await engine.runToEnd(id, pump.write, AbortSignal.any([signal, late]))
  endMs = performance.now()
  await pump.end()
  const result = { exitCode, ...pump.counts() }
  // One that ended by itself did so in time, however long its output was on its way.
  if (exitCode !== killedExitCode) return { outcome: 'done', result }
  if (signal.aborted)
    return { outcome: 'failed', reason: { code: 'command-interrupted', message: 'the agent ended meanwhile' }, result }
  if (late.aborted) {
    const message = `the command had not ended after ${timeoutMs / 1000} s and was killed`
    return { outcome: 'failed', reason: { code: 'run-timeout', message }, result }
  }
  return { outcome: 'done', result }
}
