/**
 * A device without a broker: the real reconciler, puller, reporter and store on a simulated engine, under fake timers.
 * A crash freezes the agent between two calls, before or after the effect; a new one goes on with the same store.
 */
import { controlVerbs } from '../../agent/commands/control-verbs.ts'
import { restartVerb } from '../../agent/commands/restart-verb.ts'
import type { Answer } from '../../agent/commands/verb.ts'
import type { DiskState } from '../../agent/disk/disk-space.ts'
import { createFetchWithinSpace } from '../../agent/disk/fetch-within-space.ts'
import { createImageCollector } from '../../agent/disk/image-collector.ts'
import { createWithinSpace } from '../../agent/disk/within-space.ts'
import type { Engine } from '../../agent/engine/engine.ts'
import { type Call, type SimulatedEngine, simulatedEngine } from '../../agent/engine/simulated.ts'
import { watchEngine } from '../../agent/engine/watch-engine.ts'
import { type MemoryFiles, memoryFiles } from '../../agent/files/memory-files.ts'
import type { ProjectFiles } from '../../agent/files/project-files.ts'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { policyFault } from '../../agent/policy/policy-fault.ts'
import type { Policy } from '../../agent/policy/policy-schema.ts'
import { type Accept, accept } from '../../agent/reconcile/accept.ts'
import { createGateKeeper } from '../../agent/reconcile/gate-keeper.ts'
import { createPuller } from '../../agent/reconcile/puller.ts'
import { createReconciler, type Reconciler } from '../../agent/reconcile/reconciler.ts'
import { createReporter } from '../../agent/reconcile/reporter.ts'
import { createFetchImage } from '../../agent/registry/fetch-image.ts'
import { type AppRecord, emptyRecord, neededContents } from '../../agent/store/app-record.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Store } from '../../agent/store/store.ts'
import type { Model } from '../../src/compose/model.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { silent } from './agents.ts'
import { owner } from './builders.ts'
import { allFeatures } from './hardware.ts'
import { packFiles } from './models.ts'
import { verbContext } from './verb-context.ts'

const never = new Promise<never>(() => undefined)

type Life = {
  isFrozen: boolean
  readonly abort: AbortController
  readonly reconciler: Reconciler
  readonly engine: Engine
}

export type SimulatedDevice = {
  readonly engine: SimulatedEngine
  readonly store: Store
  readonly reported: ReadonlyMap<string, Reported>
  /** all that was ever reported, oldest first */
  readonly reports: readonly Reported[]
  readonly files: MemoryFiles
  /** by name: what was set for every app */
  readonly secrets: Map<string, string>
  /** The default but for these keys. */
  /** Of the engine's disk; until then it cannot be told. */
  readonly setDisk: (disk: DiskState) => void
  readonly setPolicy: (changes: Partial<Policy>) => void
  /** With files beside the Compose file, by path. */
  readonly deploy: (model: Model, texts?: Record<string, string>, options?: object) => Promise<Accept['kind']>
  /** What an operator asks of an app by command; told when it is on disk. */
  readonly ask: (verb: 'stop' | 'start' | 'hold' | 'unhold', args: Record<string, string | number>) => Promise<Answer>
  readonly restart: (args: Record<string, string>) => Promise<Answer>
  readonly remove: (app: string, volumes: boolean) => Promise<Accept['kind']>
  /** The agent stops dead at the nth call from now, before or after its effect; 0: at once. */
  readonly crash: (afterCalls: number, isAfterEffect: boolean) => void
  /** A new agent over what is on disk and on the engine, if there is none. */
  readonly revive: () => void
  /** The next call is carried out, and its answer lost. */
  readonly loseAnswer: () => void
  readonly look: () => void
  readonly settle: () => Promise<void>
  readonly callCount: () => number
}

/** More calls than this without a pause are a loop that never ends. */
const callLimit = 5_000

export type SimulatedDeviceInput = {
  /** before each call of the agent has its effect */
  readonly beforeCall?: (call: Call) => void
  /** after each effect; what it throws is kept for the end of the test */
  readonly check?: (engine: SimulatedEngine) => void
}

export const simulatedDevice = (input: SimulatedDeviceInput = {}): SimulatedDevice => {
  let fault: unknown
  let callsUntilCrash: number | undefined
  let isCrashAfter = false
  let isAnswerLost = false
  let callsInARow = 0
  let callCount = 0
  let generation = 0
  let life: Life | undefined
  let policyChanges: Partial<Policy> = {}
  let disk: DiskState | undefined
  const reported = new Map<string, Reported>()
  const reports: Reported[] = []
  const store = memoryStore()
  const files = memoryFiles()
  const secrets = new Map<string, string>()
  const engine: SimulatedEngine = simulatedEngine({
    now: Date.now,
    ...(input.beforeCall && { beforeCall: input.beforeCall }),
    afterCall: () => {
      try {
        input.check?.(engine)
      } catch (error) {
        fault ??= error
      }
      if (!isAnswerLost) return
      isAnswerLost = false
      throw new Error('the answer was lost')
    },
  })

  const freeze = (): void => {
    callsUntilCrash = undefined
    if (life === undefined) return
    life.isFrozen = true
    life.abort.abort()
    life = undefined
  }

  /** A call as one life of the agent makes it: no answer reaches what is frozen, and it may be the last one. */
  const guard = async (current: () => Life | undefined, call: () => Promise<unknown>): Promise<unknown> => {
    if (current()?.isFrozen === true) return never
    callsInARow += 1
    callCount += 1
    if (fault !== undefined) throw fault
    if (callsInARow > callLimit) throw new Error(`${callLimit} calls without a pause`)
    const isLast = callsUntilCrash === 0
    if (callsUntilCrash !== undefined) callsUntilCrash -= 1
    if (isLast && !isCrashAfter) {
      freeze()
      return never
    }
    const result = call()
    if (isLast) {
      await result.catch(() => undefined)
      freeze()
    }
    const settled = await result
    return current()?.isFrozen === true ? never : settled
  }

  const engineOf = (current: () => Life | undefined): Engine => {
    const names = Object.keys(engine).filter((name) => name !== 'events' && name !== 'controls') as (keyof Engine)[]
    return {
      ...engine,
      ...Object.fromEntries(
        names.map((name) => [
          name,
          (...values: never[]) =>
            guard(current, () => (engine[name] as (...values: never[]) => Promise<unknown>)(...values)),
        ]),
      ),
    }
  }

  const filesOf = (current: () => Life | undefined): ProjectFiles => ({
    ...files,
    observe: async (app, paths) => (current()?.isFrozen ? never : files.observe(app, paths)),
    placeTree: async (...values) => (await guard(current, () => files.placeTree(...values))) as undefined,
    changeData: async (...values) => (await guard(current, () => files.changeData(...values))) as never,
    makeLockFolder: async (...values) => (await guard(current, () => files.makeLockFolder(...values))) as undefined,
    removeTrees: async (...values) => (await guard(current, () => files.removeTrees(...values))) as undefined,
    removeProject: async (...values) => (await guard(current, () => files.removeProject(...values))) as undefined,
  })

  const revive = (): void => {
    if (life !== undefined) return
    let own: Life | undefined
    const current = () => own
    const guardedEngine = engineOf(current)
    const guardedStore: Store = {
      ...store,
      updateApp: async (name, change) => (await guard(current, () => store.updateApp(name, change))) as AppRecord,
    }
    const monotonicMs = () => performance.now()
    const collector = createImageCollector({
      agent: owner.agent,
      engine: guardedEngine,
      mirrors: {},
      store: guardedStore,
      log: silent,
      nowMs: Date.now,
      monotonicMs,
      isAwaited: () => false,
      onRemoved: () => puller.retryFailed('disk-full'),
    })
    const fetchImage = createFetchImage({
      engine: guardedEngine,
      mirrors: {},
      credentials: async () => undefined,
      monotonicMs,
    })
    const puller = createPuller({
      fetchImage: createFetchWithinSpace(
        collector.tracked(fetchImage),
        createWithinSpace({ readDisk: async () => disk, makeRoom: () => collector.collect(true), monotonicMs }),
      ),
      monotonicMs,
      random: () => 0.5,
      onChange: (app) => own?.reconciler.look(app),
      onProgress: () => undefined,
    })
    const reconciler = createReconciler({
      owner,
      engine: guardedEngine,
      files: filesOf(current),
      secrets: {
        versions: () => Object.fromEntries(secrets),
        value: async (_, name) => Buffer.from(secrets.get(name) ?? ''),
      },
      store: guardedStore,
      puller,
      reporter: createReporter({
        publish: async (app, message) => {
          if (message === undefined || own?.isFrozen) return
          reported.set(app, message)
          reports.push(message)
        },
        session: () => 1,
        nowMs: Date.now,
      }),
      log: silent,
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      onSettled: () => void collector.collect(),
      onOperations: () => undefined,
      hardware: async () => undefined,
      site: async () => undefined,
      policyFault: (model) => policyFault(model, policyInForce(policyChanges)),
      gates: createGateKeeper({
        files,
        apps: store.apps,
        timeZone: () => 'Europe/Berlin',
        builtAt: 0,
        nowMs: Date.now,
        monotonicMs: () => performance.now(),
      }),
      keepReleases: 3,
    })
    own = { isFrozen: false, abort: new AbortController(), reconciler, engine: guardedEngine }
    life = own
    reconciler.lookAtEverything()
    void watchEngine({
      engine: guardedEngine,
      signal: own.abort.signal,
      log: silent,
      random: () => 0.5,
      onOpen: () => reconciler.setHearing(true),
      onLost: () => reconciler.setHearing(false),
      onEvent: reconciler.onEngineEvent,
    })
  }

  const take = async (app: string, message: object): Promise<Accept['kind']> => {
    const judge = (record: AppRecord): Accept =>
      accept({
        device: owner.agent,
        app,
        payload: writePayload(message),
        maxBytes: 256 * 1024,
        record,
        others: store.apps().filter((other) => other.app !== app),
        generationFloor: 0,
        policy: policyInForce(policyChanges),
        deviceFeatures: allFeatures,
        now: Date.now(),
        keepReleases: 3,
      })
    // As the agent does it: a turn may be storing what it decided at the same time.
    const before = store.app(app) ?? emptyRecord(app)
    const judged = judge(before)
    if (judged.kind === 'accepted') {
      await files.keep(app, judged.contents, neededContents([before, judged.record]))
      await store.updateApp(app, (current) => {
        const newest = judge(current)
        return 'record' in newest ? newest.record : current
      })
    }
    life?.reconciler.look(app)
    return judged.kind
  }

  const addressed = (app: string) => {
    generation += 1
    return { schema: 1, device: owner.agent, app, generation, issuedAt: Date.now(), by: 'test' }
  }

  revive()
  return {
    setDisk: (state) => {
      disk = state
    },
    setPolicy: (changes) => {
      policyChanges = changes
    },
    engine,
    store,
    files,
    secrets,
    reported,
    reports,
    deploy: (compose, texts = {}, options = {}) => {
      const packed = packFiles(texts)
      return take(compose.name, {
        ...addressed(compose.name),
        release: releaseDigest({ compose, files: packed }),
        compose,
        files: packed,
        ...options,
      })
    },
    ask: (verb, args) =>
      controlVerbs({ store, look: (app) => life?.reconciler.look(app), nowMs: Date.now })[verb](args, verbContext()),
    restart: (args) => {
      if (life === undefined) throw new Error('no agent lives')
      return restartVerb({ store, engine: life.engine, reconciler: life.reconciler })(args, verbContext())
    },
    remove: (app, volumes) => take(app, { ...addressed(app), remove: true, volumes }),
    crash: (afterCalls, isAfterEffect) => {
      callsUntilCrash = afterCalls
      isCrashAfter = isAfterEffect
      if (afterCalls === 0) freeze()
    },
    revive,
    loseAnswer: () => {
      isAnswerLost = true
    },
    look: () => life?.reconciler.lookAtEverything(),
    settle: async () => {
      callsInARow = 0
      // All that is asynchronous here are microtasks, which are done before the next immediate.
      await new Promise((resolve) => setImmediate(resolve))
      if (fault !== undefined) throw fault
      if (callsInARow > callLimit) throw new Error('the agent goes round in circles')
    },
    callCount: () => callCount,
  }
}
