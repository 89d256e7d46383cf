/**
 * The loop: one turn observes, plans, stores what was decided, does it, reports, and looks again. Level-triggered:
 * whatever happens only says "look at this app". Apps are independent; an app has one turn at a time.
 */
import type { Logger } from 'pino'
import type { Model } from '../../src/compose/model.ts'
import { defined } from '../../src/defined.ts'
import { LongshoreError, type Reason, reasonOf } from '../../src/protocol/reason.ts'
import type { AllottedHardware } from '../allot/allotted-hardware.ts'
import type { Site } from '../allot/site.ts'
import type { Engine, EngineEvent } from '../engine/engine.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { label, type Owner } from '../translate/engine-names.ts'
import { isAdopting } from './adopt.ts'
import { decided, isDecision, withLastWords } from './decided.ts'
import { createEvidence } from './evidence.ts'
import { executeAll } from './execute.ts'
import { gather } from './gather.ts'
import { emptyMemory, forgetFailures, type Memory, rememberResults } from './memory.ts'
import { createObserver } from './observe.ts'
import type { Observed } from './observed.ts'
import { operationText } from './operation.ts'
import { plan } from './plan.ts'
import type { Gate, Plan } from './plan-contract.ts'
import { keptFiles, withOutcomes } from './plan-files.ts'
import { imagePlatforms } from './plan-images.ts'
import type { Puller } from './puller.ts'
import { reportBody } from './report.ts'
import type { Reporter } from './reporter.ts'
import { targetOf, withTarget } from './target.ts'

export type ReconcilerInput = {
  readonly owner: Owner
  readonly engine: Engine
  readonly files: ProjectFiles
  readonly secrets: Pick<Secrets, 'versions' | 'value'>
  readonly store: Store
  readonly puller: Puller
  readonly reporter: Reporter
  /** what the policy has against a model; it may have changed since the model was accepted */
  readonly policyFault: (model: Model) => Reason | undefined
  /** what the hardware of the device has for the app; undefined: no app asks for any */
  readonly hardware: (app: string) => Promise<AllottedHardware | undefined>
  /** what the device is by now; undefined: the app does not ask for any of it */
  readonly site: (app: string) => Promise<Site | undefined>
  /** ids of containers that lost their GPU and may be made anew; absent: nobody looks */
  readonly lostGpus?: () => ReadonlySet<string>
  /** what keeps an app from being touched now */
  readonly gates: (record: AppRecord) => Promise<readonly Gate[]>
  /** how many releases of an app are kept to go back to */
  readonly keepReleases: number
  readonly log: Logger
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  /** nothing is left to be done for an app that has its verdict */
  readonly onSettled: () => void
  readonly onOperations: (app: string, generation: number, texts: readonly string[]) => void
}

export type Reconciler = {
  /** Something may have changed for this app. */
  readonly look: (app: string) => void
  /** Events may have been missed: nothing that was read before is trusted. */
  readonly lookAtEverything: () => void
  /** The engine's events are heard from now on, which says "look at everything", or no longer. */
  readonly setHearing: (isHearing: boolean) => void
  readonly onEngineEvent: (event: EngineEvent) => void
  /** Does something to an app between two of its turns: none begins before it has ended. */
  readonly between: <T>(app: string, work: () => Promise<T>) => Promise<T>
  /** What the planner would see right now; changes nothing. */
  readonly observe: (app: string, withProject?: boolean) => Promise<Observed>
  readonly stop: () => Promise<void>
}

/** While the engine does not answer, and after a fault of ours, a turn is tried again after this time. */
const retryMs = 2_000

export const createReconciler = (input: ReconcilerInput): Reconciler => {
  const { owner, engine, files, secrets, store, puller, reporter, keepReleases, log, nowMs, monotonicMs } = input
  const evidence = createEvidence(engine)
  const observer = createObserver(engine, owner.agent)
  const memories = new Map<string, Memory>()
  const timers = new Map<string, NodeJS.Timeout>()
  const running = new Map<string, Promise<void>>()
  const wanted = new Set<string>()
  let isStopped = false

  const look = (app: string): void => {
    if (isStopped) return
    wanted.add(app)
    if (running.has(app)) return
    clearTimeout(timers.get(app))
    running.set(
      app,
      turns(app).finally(() => {
        running.delete(app)
        if (wanted.has(app)) look(app)
      }),
    )
  }

  const between = async <T>(app: string, work: () => Promise<T>): Promise<T> => {
    while (running.has(app)) await running.get(app)
    if (isStopped) throw new LongshoreError('command-interrupted', 'the agent ends')
    const result = work()
    const ended = result.then(
      () => undefined,
      () => undefined,
    )
    running.set(
      app,
      ended.then(() => {
        running.delete(app)
        if (wanted.has(app)) look(app)
      }),
    )
    return await result
  }

  const lookLater = (app: string, delayMs: number): void => {
    if (isStopped) return
    clearTimeout(timers.get(app))
    timers.set(
      app,
      setTimeout(() => look(app), Math.min(Math.max(delayMs, 1), 2 ** 31 - 1)),
    )
  }

  /** Turns, one after another, until there is nothing to do at once. Never rejects. */
  const turns = async (app: string): Promise<void> => {
    while (wanted.delete(app) && !isStopped) {
      try {
        if (await turn(app)) wanted.add(app)
      } catch (error) {
        const reason = reasonOf(error)
        log.warn({ app, err: error }, `the turn ended early: ${reason.message}`)
        tellFailure(app, reason)
        lookLater(app, retryMs)
      }
    }
  }

  /** True: something was done or decided, so look again at once. */
  const turn = async (app: string): Promise<boolean> => {
    const record = store.app(app)
    if (record === undefined) return false
    const { accepted } = record
    const secretVersions = secrets.versions(app)
    if (accepted === undefined) {
      reporter.tell(reportBody({ now: nowMs(), owner, record, secretVersions, plan: { phase: 'accepted', waits: [] } }))
      return false
    }
    const { generation } = accepted.deployment
    const [hardware, site] = await Promise.all([input.hardware(app), input.site(app)])
    const seen = defined({
      ...(await observer.observe(app, isAdopting(record))),
      hardware,
      site,
      lostGpus: input.lostGpus?.(),
    })
    const gathered = await gather({ owner, engine, files, record, observed: seen, secretVersions })
    const pulls = puller.states(app, generation)
    const memory = memories.get(app) ?? emptyMemory(generation)
    const gates = await input.gates(record)
    const forbidden = forbiddenBy(input.policyFault, gathered.record)
    const planned = plan({ ...gathered, forbidden, gates, pulls, memory, now: monotonicMs() })
    if (planned === undefined) return false
    memories.set(app, planned.memory)

    const { observed, adopted } = gathered
    const after = await storeDecisions(record, planned, adopted)
    if (after === undefined) return true // a newer deployment came in between: this plan is void
    puller.want(app, generation, planned.pulls, platformsOf(gathered.record), pulls)
    // Whoever waits for an outcome stops reading at it: it comes with the whole reason, not that of this turn.
    const { reason = planned.reason } = (planned.verdict && after.accepted?.verdict) ?? {}
    const told = defined({ ...planned, reason })
    const tell = async (): Promise<void> => {
      const lastLines = await evidence.of(observed.containers)
      reporter.tell(reportBody({ now: nowMs(), owner, record: after, observed, secretVersions, plan: told, lastLines }))
    }
    // Side by side: the engine lets nobody read what a container said while it starts it again.
    await Promise.all([tell(), planned.operations.length > 0 ? carryOut(app, generation, planned) : undefined])
    if (planned.operations.length === 0 && planned.wakeAt !== undefined) lookLater(app, planned.wakeAt - monotonicMs())
    const isAgain = planned.operations.length > 0 || isDecision(planned)
    if (!isAgain && after.accepted?.verdict !== undefined) input.onSettled()
    return isAgain
  }

  /** Writes what this turn decided, unless a newer deployment has taken the place of the one it was decided for. */
  const storeDecisions = async (
    record: AppRecord,
    planned: Plan,
    adopted: AppRecord['adopted'],
  ): Promise<AppRecord | undefined> => {
    let isCurrent = true
    const { failedContainerId: failedId } = planned
    // A rollback loses no time over them.
    if (planned.rollback !== undefined && failedId !== undefined) void keepLastWords(record, failedId)
    const lastLines =
      planned.rollback !== undefined || failedId === undefined ? undefined : await evidence.read(failedId)
    const after = await store.updateApp(record.app, (current) => {
      isCurrent = current.accepted?.deployment === record.accepted?.deployment
      if (!isCurrent) return current
      return decided(defined({ ...current, adopted }), planned, { now: nowMs(), keepReleases, log: lastLines })
    })
    if (isCurrent) logDecision(after, planned)
    const { deployment } = after.accepted ?? {}
    if (isCurrent && planned.files !== undefined && deployment !== undefined && !deployment.remove)
      for (const kept of keptFiles(deployment, planned.files))
        log.warn({ app: record.app, ...kept, code: 'file-kept' }, 'a file was changed on the device and is kept')
    return isCurrent ? after : undefined
  }

  /** What a container said that made a deployment fail; nothing is lost but a hint if this comes too late. */
  const keepLastWords = async ({ app, accepted }: AppRecord, failedId: string): Promise<void> => {
    const lines = await evidence.read(failedId)
    if (lines.length === 0) return
    await store
      .updateApp(app, (current) =>
        current.accepted?.deployment === accepted?.deployment ? withLastWords(current, lines) : current,
      )
      .catch((error: unknown) => log.warn({ app, err: error }, 'the last words of a container could not be stored'))
    log.info({ app, lines }, 'the last words of what failed')
  }

  const logDecision = ({ app, accepted }: AppRecord, { rollback, verdict }: Plan): void => {
    const about = { app, generation: accepted?.deployment.generation }
    if (rollback !== undefined) log.warn({ ...about, ...rollback.reason }, 'deployment failed: rolling back')
    if (verdict !== undefined) log.info({ ...about, ...accepted?.verdict }, `deployment ${accepted?.verdict?.outcome}`)
  }

  const carryOut = async (app: string, generation: number, planned: Plan): Promise<void> => {
    for (const operation of planned.operations) log.info({ app, generation }, operationText(operation))
    input.onOperations(app, generation, planned.operations.map(operationText))
    const results = await executeAll({ engine, files, secretValue: secrets.value }, planned.operations)
    const outcomes = results.flatMap((result) => result.outcomes ?? [])
    if (outcomes.length > 0)
      await store.updateApp(app, (current) =>
        current.accepted?.deployment.generation === generation
          ? withTarget(current, withOutcomes(targetOf(current), outcomes))
          : current,
      )
    for (const { operation, failure } of results) {
      if ('id' in operation) observer.forget(operation.id)
      if (failure !== undefined) log.warn({ app, generation, ...failure }, `failed: ${operationText(operation)}`)
    }
    memories.set(app, rememberResults(memories.get(app) ?? planned.memory, results, monotonicMs()))
  }

  /** The engine cannot be seen: said of an app under way as a wait, of one that ran as a doubt. */
  const tellFailure = (app: string, reason: Reason): void => {
    const record = store.app(app)
    if (record?.accepted === undefined) return
    const isDecided = record.accepted.verdict !== undefined
    const phase = isDecided ? 'degraded' : 'waiting'
    const secretVersions = secrets.versions(app)
    reporter.tell(reportBody({ now: nowMs(), owner, record, secretVersions, plan: { phase, reason, waits: [reason] } }))
  }

  const lookAtEverything = (): void => {
    observer.forgetAll()
    for (const { app } of store.apps()) look(app)
  }

  return {
    look,
    lookAtEverything,
    setHearing: (isHearing) => {
      observer.setHearing(isHearing)
      if (isHearing) lookAtEverything()
    },
    between,
    observe: observer.observe,
    onEngineEvent: (event) => {
      const app = event.labels[label.app]
      if (event.subject === 'container' && event.labels[label.agent] === owner.agent && app !== undefined) {
        observer.forget(event.id)
        look(app)
        return
      }
      // Something of somebody else's went or an image came: what failed for a name, a port or an image may work now.
      const isRelease =
        event.subject === 'image' || ['die', 'died', 'destroy', 'remove', 'rename'].includes(event.action)
      if (!isRelease) return
      for (const [name, memory] of memories) {
        const isWaiting = Object.keys(memory.failures).length > 0 || store.app(name)?.accepted?.verdict === undefined
        if (!isWaiting) continue
        memories.set(name, forgetFailures(memory))
        look(name)
      }
    },
    stop: async () => {
      isStopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      puller.stop()
      await Promise.all(running.values())
    },
  }
}

const forbiddenBy = (policyFault: ReconcilerInput['policyFault'], { accepted }: AppRecord): Reason | undefined =>
  accepted === undefined || accepted.deployment.remove ? undefined : policyFault(accepted.deployment.compose)

const platformsOf = ({ accepted }: AppRecord): Record<string, string> =>
  accepted === undefined || accepted.deployment.remove ? {} : imagePlatforms(accepted.deployment.compose)
