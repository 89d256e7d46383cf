/** The tour: engine, image, broker, agent, deployment, answer, a kill survived; and everything away again at the end. */
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBusybox } from '../../src/engine-setup/busybox.ts'
import { ensureEngine } from '../../src/engine-setup/ensure-engine.ts'
import { exampleImageTag, makeExampleImage } from '../../src/engine-setup/make-image.ts'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { type Daemon, longshore, startDaemon } from './processes.ts'

export type TourInput = {
  /** false: stop, with one line, where something would have to be installed */
  readonly install: boolean
  /** stay until the signal, so that people can look around */
  readonly stay: boolean
  readonly signal: AbortSignal
}

const device = 'demo-gateway'
const app = 'hello'

/** Takes everything down that it put up, however it ends. */
export const giveTour = async ({ install, stay, signal }: TourInput): Promise<void> => {
  const cleanups: { readonly what: string; readonly run: () => Promise<unknown> }[] = []
  const later = (what: string, run: () => Promise<unknown>): void => {
    cleanups.unshift({ what, run })
  }
  try {
    step('A container engine')
    const folder = await mkdtemp(join(tmpdir(), 'longshore-demo-'))
    later('the demo folder', () => rm(folder, { recursive: true, force: true }))
    const engine = await ensureEngine({ install, say, signal })
    later('the engine', engine.stop)
    say(`${engine.startedPid === undefined ? 'found' : 'started'} the engine at ${engine.socketPath}`)
    const packages = engine.installedPackages?.join(' ')
    if (packages !== undefined)
      later('', async () =>
        say(`left behind: the packages ${packages}; remove them with: apt-get purge --autoremove ${packages}`),
      )

    step('A small example image, made here: no registry is needed')
    const busybox = await findBusybox(folder, { install, say, signal })
    const isImageOurs =
      (await requestUnix({ socketPath: engine.socketPath, path: `/images/${exampleImageTag}/json` })).status === 404
    await makeExampleImage(engine.socketPath, busybox)
    if (isImageOurs)
      later('the example image', () =>
        requestUnix({ socketPath: engine.socketPath, method: 'DELETE', path: `/images/${exampleImageTag}` }),
      )
    say(exampleImageTag)

    step('The embedded broker and one agent')
    const [brokerPort, webPort] = [await freePort(), await freePort()]
    const url = `mqtt://127.0.0.1:${brokerPort}`
    const broker = await startDaemon(['broker', '--port', String(brokerPort)], 'the broker listens', signal)
    later('the broker', broker.stop)
    const agentArguments = [
      'agent',
      '--device',
      device,
      '--broker',
      url,
      '--state',
      join(folder, 'state'),
      '--engine',
      `unix://${engine.socketPath}`,
      '--name-prefix',
      'demo-',
    ]
    const agent = await startDaemon(agentArguments, 'connected', signal)
    later('the agent', agent.stop)
    say(`broker at ${url}, device ${device}`)

    const environment = { LONGSHORE_BROKER: url, DOCKER_HOST: `unix://${engine.socketPath}` }
    const operate = (...parameters: string[]): Promise<number> => longshore(parameters, { environment, signal })
    later('the app', () => longshore(['remove', app, '--device', device, '--volumes'], { environment }))

    step('Deployed over MQTT, as an operator would')
    const deployment = [
      'deploy',
      app,
      '-f',
      'examples/hello/compose.yaml',
      '--device',
      device,
      '--set',
      `PORT=${webPort}`,
    ]
    await must(operate(...deployment, '--wait', '--timeout', '120'), 'the deployment')
    await must(operate('status'), 'the status')

    step('The app answers over HTTP')
    say(`GET http://127.0.0.1:${webPort}/           ${await fetchText(webPort, '/', signal)}`)
    say(`GET http://127.0.0.1:${webPort}/visits.txt ${await fetchText(webPort, '/visits.txt', signal)}`)

    step('A container is killed, and is back')
    await killAndWait(engine.socketPath, agent, signal)
    await until('the app to be healthy again', signal, async () => (await inspectWeb(engine.socketPath)).isHealthy)
    await must(operate('status'), 'the status')

    step('Three commands to try next')
    say(`LONGSHORE_BROKER=${url} npm run -s longshore -- status --watch`)
    say(
      `LONGSHORE_BROKER=${url} npm run -s longshore -- plan ${app} -f examples/hello/compose.yaml --device ${device} --set PORT=${webPort} --set GREETING=Ahoy`,
    )
    say(`LONGSHORE_BROKER=${url} npm run -s longshore -- get ${app} --device ${device}`)
    if (stay) {
      say(`\nhttp://127.0.0.1:${webPort}/ stays up until you press Ctrl-C`)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    }
  } finally {
    step('Everything is taken down')
    const problems: string[] = []
    for (const { what, run } of cleanups) {
      // One that fails must not keep the others from being taken down.
      await run().catch((error: unknown) => problems.push(`${what}: ${(error as Error).message}`))
    }
    for (const problem of problems) say(`could not be taken down: ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
}

const webName = `demo-${app}-web-1`

const inspectWeb = async (
  socketPath: string,
): Promise<{ isRunning: boolean; isHealthy: boolean; startedAt: string }> => {
  const { status, text } = await requestUnix({ socketPath, path: `/containers/${webName}/json` })
  if (status !== 200) throw new LongshoreError('engine-error', `inspecting ${webName}: ${text.trim()}`)
  const { State } = JSON.parse(text) as { State: { Running: boolean; StartedAt: string; Health: { Status: string } } }
  return { isRunning: State.Running, isHealthy: State.Health.Status === 'healthy', startedAt: State.StartedAt }
}

const killAndWait = async (socketPath: string, agent: Daemon, signal: AbortSignal): Promise<void> => {
  const before = await inspectWeb(socketPath)
  const killedAt = performance.now()
  const killed = await requestUnix({ socketPath, method: 'POST', path: `/containers/${webName}/kill` })
  if (killed.status !== 204) throw new LongshoreError('engine-error', `killing ${webName}: ${killed.text.trim()}`)
  await until(`${webName} to run again`, signal, async () => {
    const now = await inspectWeb(socketPath)
    return now.isRunning && now.startedAt !== before.startedAt
  })
  say(`${webName} was killed and ran again after ${Math.round(performance.now() - killedAt)} ms`)
  if (!agent.isRunning()) throw new LongshoreError('internal-error', 'the agent ended')
}

const fetchText = async (port: number, path: string, signal: AbortSignal): Promise<string> => {
  let text = ''
  await until(`an answer on port ${port}`, signal, async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal })
    text = (await response.text()).trim()
    return response.ok
  })
  return text
}

const waitMs = 30_000

const until = async (what: string, signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + waitMs
  for (;;) {
    signal.throwIfAborted()
    // Not yet there is what is being waited out.
    if (await isSo().catch(() => false)) return
    if (performance.now() > deadline) throw new LongshoreError('no-answer', `waited ${waitMs / 1000} s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const must = async (ended: Promise<number>, what: string): Promise<void> => {
  const exitCode = await ended
  if (exitCode !== 0) throw new LongshoreError('internal-error', `${what} ended with exit code ${exitCode}`)
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const step = (title: string): void => say(`\n== ${title}`)
