/** The agent's parts put together. Every effect comes in from outside, so that a simulated one runs the same code. */
import { defined } from '../src/defined.ts'
import { shownAddress } from '../src/link/addresses.ts'
import { createLink, type Link } from '../src/link/link.ts'
import { registryScope } from '../src/protocol/names.ts'
import { writePayload } from '../src/protocol/payload.ts'
import { reasonOf } from '../src/protocol/reason.ts'
import { topicsUnder } from '../src/protocol/topics.ts'
import type { Agent, AgentInput } from './agent-contract.ts'
import { createAppReports } from './app-reports.ts'
import { createRenewal } from './certificate/renewal.ts'
import { createCommands } from './commands/commands.ts'
import { createSendReply } from './commands/send-reply.ts'
import { sweepRuns } from './commands/sweep-runs.ts'
import { createVerbs } from './commands/verbs.ts'
import { createDeployments } from './deployments.ts'
import { agentParts } from './diagnose/agent-parts.ts'
import type { Engine } from './engine/engine.ts'
import { watchEngine } from './engine/watch-engine.ts'
import { createClockWatcher } from './events/clock-watcher.ts'
import { createEvents } from './events/events.ts'
import { createAgentHardware } from './hardware.ts'
import { createImages } from './images.ts'
import { createInventory } from './inventory.ts'
import { createJudgeAgain } from './judge-again.ts'
import { drained, within } from './leave.ts'
import { createLinkHistory } from './link-history.ts'
import { agentStatus } from './local/agent-status.ts'
import { createLocalApi } from './local/local-api.ts'
import { createLogs } from './logs/logs.ts'
import { createPendingMessages } from './pending-messages.ts'
import { deviceRefusal } from './policy/judge-device.ts'
import { policyFault, verbFault } from './policy/policy-fault.ts'
import { rebootBy } from './reboot.ts'
import { believedMs, clockOf } from './reconcile/clock.ts'
import { createGateKeeper } from './reconcile/gate-keeper.ts'
import { createProgress } from './reconcile/progress.ts'
import { createReconciler } from './reconcile/reconciler.ts'
import { findLocalImage } from './registry/local-image.ts'
import { createSecrets } from './secrets/secrets.ts'
import { createSession } from './session.ts'
import { shorterReports } from './shorter-reports.ts'
import { createSiteKeeper } from './site-keeper.ts'
import { createStatePublisher } from './state-publisher.ts'
import { telemetryInForce } from './telemetry-choice.ts'
import { createVitalSigns } from './vital-signs.ts'

const dayMs = 86_400_000

/** What is still queued has so long when the agent is stopped; the rest is sent after its next start. */
const drainMs = 1_000
const goodbyeMs = 500

/** Before a reboot there is more of it. */
const leaveMs = 5_000

export const createAgent = (input: AgentInput): Agent => {
  const {
    device,
    registryMirrors: mirrors,
    files,
    identity,
    outbox,
    policy,
    store,
    log,
    nowMs,
    monotonicMs,
    random,
  } = input
  const engine: Engine = { ...input.engine, image: findLocalImage(input.engine, mirrors) }
  const topics = topicsUnder(input.root)
  const owner = { agent: device, namePrefix: input.namePrefix }
  const abort = new AbortController()
  let startedAt = nowMs()

  const state = createStatePublisher({
    publish: (...values) => link.publish(...values),
    maxBytes: input.maxBytes,
    monotonicMs,
    log,
  })

  const secrets = createSecrets({ device, identity, store: input.secretStore, maxBytes: input.maxBytes, log })
  const events = createEvents({
    outbox: input.outbox,
    topic: topics.event(device),
    session: () => session.number(),
    monotonicMs,
    log,
  })
  const linkHistory = createLinkHistory(nowMs, monotonicMs)
  const { reporter, newest, repeat, tellLost } = createAppReports({
    owner,
    store,
    events,
    publish: (app, message) => {
      const topic = topics.reported(device, app)
      return message === undefined ? state.clear(topic) : state.publish(topic, shorterReports(message))
    },
    secretVersions: secrets.versions,
    pendingReason: (app) => pending.reason(app),
    session: () => session.number(),
    nowMs,
    log,
  })
  const telemetryProfile = () => telemetryInForce(store.device().telemetry, input.telemetry, nowMs())
  const vitalSigns = createVitalSigns({
    device,
    topics,
    engine,
    read: input.read,
    outbox,
    profile: telemetryProfile,
    limits: input.health,
    reports: newest,
    isConnected: () => link.isConnected(),
    isClockBehind: () => clockOf(nowMs(), [builtAt, ...issued()]).behind !== undefined,
    session: () => session.number(),
    events,
    onHealth: () => {
      if (link.isConnected()) session.repeatBirth().catch(() => undefined) // the next connection says it
    },
    nowMs,
    monotonicMs,
    log,
  })
  const progress = createProgress({
    publish: async (app, message) => {
      if (link.isConnected())
        await link.publish(topics.progress(device, app), writePayload(message), { qos: 0, retain: false })
    },
    pulls: (app) => puller.progress(app),
    generation: (app) => store.app(app)?.accepted?.deployment.generation,
    nowMs,
  })
  const { collector, withinSpace, puller } = createImages({
    ...input,
    secrets,
    isAwaited: (id) => local.isAwaited(id),
    onChange: (app) => reconciler.look(app),
    onProgress: (app) => progress.touch(app),
  })
  const { timeZone, builtAt } = input
  const issued = (): number[] => store.apps().flatMap(({ accepted }) => accepted?.deployment.issuedAt ?? [])
  const gates = createGateKeeper({ files, apps: store.apps, timeZone, builtAt, nowMs, monotonicMs })
  const reconciler = createReconciler({
    owner,
    engine,
    files,
    secrets,
    store,
    puller,
    reporter,
    policyFault: (model) => policyFault(model, policy.inForce()),
    hardware: (app) => hardware.allotted(app),
    site: (app) => site.ofApp(app),
    lostGpus: () => site.lostGpus(),
    gates,
    keepReleases: input.keepReleases,
    log,
    nowMs,
    monotonicMs,
    onSettled: () => void collector.collect(),
    onOperations: (app, _generation, texts) => progress.done(app, texts),
  })
  const hardware = createAgentHardware({
    device,
    engine,
    follower: input.hardware,
    nodes: input.deviceNodes,
    store,
    policy: policy.inForce,
    events,
    onChange: reconciler.look,
    // Without a connection: the next one does it.
    publishInventory: () => {
      site.onHardware()
      if (link.isConnected()) inventory.publishChanged().catch(() => undefined)
    },
    monotonicMs,
    log,
  })
  const site = createSiteKeeper({
    device,
    engine,
    hostFacts: input.hostFacts,
    hardware: input.hardware.current,
    store,
    configured: input.labels ?? {},
    refuses: (path) => deviceRefusal(path, policy.inForce()) !== undefined,
    gpuProbe: input.gpuProbe,
    look: (app) => reconciler.look(app),
    publishInventory: () => void inventory.publish().catch(() => undefined), // without a connection: the next one does it
    judgeAgain: () => judgeAgain.ask(),
    log,
  })
  const inventory = createInventory({
    engine,
    hostFacts: site.hostFacts,
    labels: site.labels,
    hardware: hardware.current,
    features: hardware.features,
    agent: { version: input.version, startedAt, namePrefix: input.namePrefix },
    timeZone,
    recipient: identity.recipient,
    faults: () => [
      ...store.setAside().map(({ reason }) => reason),
      ...input.secretStore.setAside(),
      ...[identity.fault, session.contest()].flatMap((fault) => fault ?? []),
    ],
    capabilities: () => Object.keys(verbs).filter((verb) => verbFault(verb, policy.inForce()) === undefined),
    policy: policy.status,
    publish: (forms) => state.publish(topics.inventory(device), forms),
    session: () => session.number(),
    nowMs,
  })

  const pending = createPendingMessages({
    take: (kind, app, payload) => (kind === 'desired' ? deployments.onDesired(app, payload) : onSecret(app, payload)),
    onChange: repeat,
    log,
  })

  const deployments = createDeployments({
    owner,
    maxBytes: input.maxBytes,
    keepReleases: input.keepReleases,
    store,
    files,
    policy: policy.inForce,
    deviceFeatures: () => hardware.features(),
    site: site.read,
    secretVersions: secrets.versions,
    generationFloor: (app) => session.reportedGeneration(app),
    reporter,
    look: (app) => reconciler.look(app),
    nowMs,
    log,
  })

  const onSecret = async (app: string, payload: Uint8Array): Promise<void> => {
    const refused = await secrets.receive(app, payload)
    if (refused === undefined) log.info({ app }, 'secrets received')
    else log.warn({ app, ...refused }, 'secrets refused')
    if (app === registryScope) puller.retryFailed()
    else reconciler.look(app)
  }

  /** What the policy refused before is judged again; what it would refuse now runs on. */
  const onPolicyChange = (): void => {
    for (const { app, accepted } of store.apps()) {
      if (accepted === undefined || accepted.deployment.remove) continue
      const reason = policyFault(accepted.deployment.compose, policy.inForce())
      if (reason !== undefined) log.warn({ app, ...reason }, 'the policy would refuse an app that runs; it runs on')
    }
    hardware.look()
    reconciler.lookAtEverything()
    judgeAgain.ask()
  }

  const judgeAgain = createJudgeAgain({
    isConnected: () => link.isConnected(),
    publishInventory: inventory.publish,
    readDesired: () => session.readDesired(),
    log,
  })

  const logs = createLogs({
    device,
    topics,
    engine,
    store,
    ownLog: input.ownLog,
    link: () => link,
    maxBytes: input.maxBytes,
    bytesPerDay: input.logBytesPerDay ?? 0,
    nowMs,
    monotonicMs,
    log,
  })
  const runsUnderWay = new Set<string>()
  const verbs = createVerbs({
    owner,
    policy: policy.inForce,
    store,
    engine,
    files,
    secrets,
    secretVersions: secrets.versions,
    modelFault: (model) => policyFault(model, policy.inForce()),
    runsUnderWay,
    facts: {
      device,
      engine,
      store,
      nowMs,
      parts: agentParts({
        ...{ input, startedAt, site, hardware: hardware.current, outbox, reporter },
        vitalSigns: () => ({ health: vitalSigns.health.onTheMachine(), telemetry: telemetryProfile() }),
        link: () => ({
          isConnected: link.isConnected(),
          session: session.number(),
          contest: session.contest(),
          downForMs: linkHistory.downForMs(),
        }),
      }),
    },
    maxBytes: input.maxBytes,
    observe: reconciler.observe,
    hardware: hardware.allotted,
    deviceFeatures: hardware.features,
    site: site.read,
    gates,
    look: reconciler.look,
    setLabels: site.setLabels,
    logs: logs.verb,
    collector,
    readDisk: input.readDisk,
    machine: input.machine ?? rebootBy([]),
    leave: async () => {
      if (!link.isConnected()) return
      await drained(outbox, leaveMs)
      await within(goodbyeMs, session.sayGoodbye())
    },
    stay: () => session.stay(),
    onTelemetry: vitalSigns.hurry,
    inventory,
    reconciler,
    reporter,
    nowMs,
    log,
  })
  const commands = createCommands({
    verbs,
    verbFault: (verb) => verbFault(verb, policy.inForce()),
    store,
    publish: createSendReply({ outbox, link: () => link, topic: (id) => topics.reply(device, id), log }),
    publishNow: (id, reply) => link.publish(topics.reply(device, id), writePayload(reply), { qos: 1, retain: false }),
    maxBytes: input.maxBytes,
    nowMs,
    believedMs: () => believedMs(nowMs(), builtAt, issued()),
    log,
  })
  const clockWatcher = createClockWatcher({
    nowMs,
    monotonicMs,
    onSet: (byMs) => {
      log.warn({ byMs }, 'the clock of this device was set')
      void events.tell({ kind: 'clock-set', byMs })
      reporter.shiftClock(byMs)
      vitalSigns.health.shiftClock(byMs)
      linkHistory.shiftClock(byMs)
      startedAt = Math.max(0, startedAt + byMs)
      if (link.isConnected()) session.repeatBirth().catch(() => undefined) // the next connection says it
    },
  })
  const session = createSession({
    device,
    topics,
    store,
    version: input.version,
    health: vitalSigns.health.toldToOthers,
    instance: Math.floor(random() * 2 ** 32).toString(16),
    nowMs,
    knownMs: () => clockOf(nowMs(), [builtAt, ...issued()]).now,
    monotonicMs,
    log,
    link: () => link,
    onDesired: (app, payload) => pending.receive('desired', app, payload),
    onSecret: (app, payload) => pending.receive('secret', app, payload),
    onCommand: commands.receive,
    onLogCredit: logs.onCredit,
    onCertificate: (payload) => renewal?.onResponse(payload),
    onReady: ({ isContinued }) => {
      reporter.repeatAll()
      const published = isContinued ? inventory.publishChanged() : inventory.publish()
      published.catch((error: unknown) => log.warn({ err: error }, 'the inventory could not be published'))
      judgeAgain.onConnect()
      logs.onConnect()
      renewal?.onReady()
      // Fresh state first, then what was kept back.
      outbox.setConnected(true)
      void events.tell({ kind: 'link-up', ...defined({ durationMs: linkHistory.up() }) })
      vitalSigns.look()
    },
    onOrphanReport: (app) => {
      const lost = store.setAside().find((file) => file.app === app)
      if (lost === undefined) reporter.clear(app)
      else tellLost(app, lost.reason)
    },
    onContest: (reason) => {
      void events.tell({ kind: 'device-id-in-use', reason })
      inventory.publish().catch(() => undefined) // without a connection: the next one does it
    },
  })
  const link: Link = createLink({
    broker: input.broker,
    ...defined({ credentials: input.credentials }),
    clientId: input.clientId,
    clean: false,
    keepaliveS: input.keepaliveS,
    ...defined({ connectTimeoutMs: input.connectTimeoutMs, acknowledgeMs: input.acknowledgeMs }),
    backOff: { baseMs: 500, capMs: input.reconnectMaxMs },
    random,
    log,
    beforeConnect: session.beforeConnect,
    onConnect: (connection) => {
      state.setConnected(true)
      return session.onConnect(connection)
    },
    onMessage: session.onMessage,
    isContested: () => session.contest() !== undefined,
    onDisconnect: (reason) => {
      state.setConnected(false)
      outbox.setConnected(false)
      logs.onDisconnect()
      linkHistory.down(reason)
      vitalSigns.look()
      log.warn({ code: reason.code }, `${reason.message}; the apps go on running`)
      void events.tell({ kind: 'link-down', reason: { code: reason.code, message: reason.message } })
    },
  })

  const renewal =
    input.certificate &&
    createRenewal({ device, topics, link: () => link, files: input.certificate, nowMs, monotonicMs, random, log })

  const local = createLocalApi({
    device,
    engine,
    withinSpace,
    store,
    reporter,
    generationFloor: session.reportedGeneration,
    foresee: deployments.foresee,
    receive: deployments.receive,
    remember: collector.remember,
    nowMs,
  })

  let wasContested = false
  const tellEndOfContest = (): void => {
    const isContested = session.contest() !== undefined
    // Without a connection: the next one does it.
    if (wasContested && !isContested && link.isConnected()) inventory.publish().catch(() => undefined)
    wasContested = isContested
  }

  const timers: NodeJS.Timeout[] = []
  return {
    local,
    status: () =>
      agentStatus({
        at: nowMs(),
        device,
        agent: input.version,
        startedAt,
        health: vitalSigns.health.onTheMachine(),
        link: {
          isConnected: link.isConnected(),
          broker: shownAddress(input.broker.url),
          session: session.number(),
          ...linkHistory.change(),
        },
        engine: { isThere: vitalSigns.isEngineThere() },
        telemetry: telemetryProfile(),
        outbox: outbox.counts(),
        reports: newest(),
        host: vitalSigns.host(),
      }),
    start: () => {
      // Apps first: with no broker in reach, what was accepted before must run again.
      reconciler.lookAtEverything()
      void events.tell({ kind: 'agent-started' })
      commands
        .answerInterrupted()
        .catch((error: unknown) => log.warn({ ...reasonOf(error) }, 'interrupted commands could not be answered'))
      clockWatcher.start()
      vitalSigns.start()
      // Under an id or a root that it had before, a broker may refuse it, and end the connection over each message.
      outbox.start(({ topic, payload }) =>
        link.publish(topics.ownTopic(device, topic), payload, { qos: 1, retain: false }),
      )
      void watchEngine({
        engine,
        signal: abort.signal,
        log,
        random,
        onOpen: () => {
          reconciler.setHearing(true)
          vitalSigns.setEngine(true)
          site.onEngine()
          logs.look()
          sweepRuns(engine, device, (name) => runsUnderWay.has(name)).catch((error: unknown) =>
            log.warn({ ...reasonOf(error) }, 'containers that commands ran in could not be removed'),
          )
          void hardware.onEngine()
          if (link.isConnected())
            inventory
              .refresh()
              .catch((error: unknown) => log.warn({ err: error }, 'the inventory could not be published'))
        },
        onLost: () => {
          reconciler.setHearing(false)
          vitalSigns.setEngine(false)
        },
        onEvent: (event) => {
          // Somebody made room.
          if (event.subject === 'image' && ['delete', 'remove'].includes(event.action)) puller.retryFailed('disk-full')
          hardware.onEngineEvent(event)
          logs.onEngineEvent(event)
          vitalSigns.onEngineEvent(event)
          reconciler.onEngineEvent(event)
        },
      })
      policy.watch(onPolicyChange)
      hardware.start()
      site.start()
      link.start()
      timers.push(setInterval(reconciler.lookAtEverything, input.lookEveryMs))
      timers.push(setInterval(logs.look, input.lookEveryMs))
      timers.push(setInterval(tellEndOfContest, input.lookEveryMs))
      timers.push(
        setInterval(() => {
          if (link.isConnected())
            Promise.all([inventory.publish(), session.readDesired()]).catch((error: unknown) =>
              log.warn({ ...reasonOf(error) }, 'the daily inventory and read of the desired state failed'),
            )
        }, dayMs),
      )
    },
    stop: async () => {
      for (const timer of timers) clearInterval(timer)
      await policy.stop()
      site.stop()
      renewal?.stop()
      await hardware.stop()
      abort.abort()
      progress.stop()
      pending.stop()
      // First: what a verb does to an app, the reconciler waits for.
      await commands.stop()
      await reconciler.stop()
      clockWatcher.stop()
      vitalSigns.stop()
      await events.stop()
      await events.tell({ kind: 'agent-stopped' })
      if (link.isConnected()) await drained(outbox, drainMs)
      // A broker that does not answer any more must not keep a device from being shut down; gone already, the will says it.
      await within(goodbyeMs, session.sayGoodbye())
      await link.stop()
      await outbox.close()
    },
  }
}
