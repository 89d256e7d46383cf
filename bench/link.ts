/**
 * What being connected costs on the wire: the bytes of a ping, of a reconnect, of a change that is reported, of reading what
 * is desired; from these and the schedule of an idle device those of a month. Over TCP, and over TLS in a network of its own
 * (needs root), where the bytes of IP are counted on its interface.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import { makeAuthorityIn } from '../test/support/authority.ts'
import { type CostAgent, deployThree, startCostAgent } from './cost-agent.ts'
import { type CountingLine, openCountingLine } from './counting-line.ts'
import { type NetworkNamespace, openNetworkNamespace } from './network-namespace.ts'

const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** The documented schedule of an idle device: once a day each of reconnect, change and reading what is desired. */
const monthS = 30 * 86_400
const timesAMonth = { reconnect: 30, change: 30, read: 30 }
const limitBytes = 1_000_000

/** As short as the agent allows, so that the bench is. */
const keepaliveS = 5
const pings = 6

/** Bytes at the socket, both directions, and of IP where they can be counted. */
type Cost = { readonly up: number; readonly down: number; readonly ip: number | undefined }

type Costs = {
  readonly first: Cost
  readonly ping: Cost
  readonly change: Cost
  readonly reconnect: Cost
  readonly read: Cost
}

const total = ({ up, down }: Cost): number => up + down

const monthOf = ({ ping, ...costs }: Costs, everyS: number, of: (cost: Cost) => number): number =>
  (of(ping) * monthS) / everyS +
  Object.entries(timesAMonth).reduce((sum, [what, times]) => sum + times * of(costs[what as keyof typeof costs]), 0)

/** TLS as a broker has it, before the one that has none. @returns the port */
const openTls = async (
  folder: string,
  host: string,
  brokerPort: number,
): Promise<{ readonly port: number; readonly ca: string; readonly close: () => void }> => {
  const authority = await makeAuthorityIn(folder)
  const ca = join(folder, 'ca.pem')
  const server = createServer(await authority.issue({ host }), (secure) => {
    const plain = connect(brokerPort, '127.0.0.1')
    for (const socket of [secure, plain])
      socket.on('error', () => undefined).on('close', () => [secure, plain].map((each) => each.destroy()))
    secure.pipe(plain).pipe(secure)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, ca, close: () => void server.close() }
}

const measure = async (
  line: CountingLine,
  agent: CostAgent,
  namespace: NetworkNamespace | undefined,
  state: string,
  deploy: () => Promise<void>,
): Promise<Costs> => {
  const during = async (work: () => Promise<unknown> | unknown, quietMs = 1_500): Promise<Cost> => {
    const [before, ipBefore] = [line.passed(), namespace?.ipBytes() ?? 0]
    await work()
    if (quietMs > 0) await line.quiet(quietMs)
    const after = line.passed()
    return {
      up: after.upBytes - before.upBytes,
      down: after.downBytes - before.downBytes,
      ip: namespace && namespace.ipBytes() - ipBefore,
    }
  }
  const first = await during(async () => {
    while (line.passed().downBytes === 0) await delay(20)
    await deploy()
  })
  const { pieces } = line.passed()
  const idle = await during(() => delay(pings * keepaliveS * 1_000), 0)
  const sent = line.passed().pieces - pieces
  if (sent < pings - 1 || sent > pings) throw new Error(`${sent} pings instead of ${pings} in an idle time`)
  const ping = {
    up: idle.up / sent,
    down: idle.down / sent,
    ip: idle.ip === undefined ? undefined : idle.ip / sent,
  }
  const change = await during(agent.endService)
  const reconnect = await during(async () => {
    line.cut()
    const { downBytes } = line.passed()
    while (line.passed().downBytes === downBytes) await delay(20)
  })
  // Reads what is desired, as it is read once a day, and tells the inventory besides.
  const read = await during(() => writeFile(join(state, 'policy.yaml'), 'privileged: false\n'), 3_000)
  return { first, ping, change, reconnect, read }
}

const measureOver = async (kind: 'TCP' | 'TLS', namespace?: NetworkNamespace): Promise<Costs> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
  const certificates = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
  const broker = createBroker({ log, port: 0 })
  const { port } = await broker.start()
  const host = namespace?.address ?? '127.0.0.1'
  const tls = kind === 'TLS' ? await openTls(certificates, host, port) : undefined
  const line = await openCountingLine(host, tls?.port ?? port)
  const fleet = await connectFleet({ broker: { url: `mqtt://127.0.0.1:${port}` }, root: 'longshore', log })
  const address =
    tls === undefined
      ? { broker: `mqtt://${host}:${line.port}` }
      : { broker: `mqtts://${host}:${line.port}`, ca: tls.ca }
  const agent = startCostAgent({
    state: folder,
    config: { ...address, keepaliveS, reconnectMaxS: 1 },
    ...(namespace === undefined ? {} : { namespace: namespace.name }),
  })
  try {
    return await measure(line, agent, namespace, folder, () => deployThree(fleet))
  } finally {
    await agent.stop()
    await fleet.close()
    line.close()
    tls?.close()
    await broker.stop()
    await rm(folder, { recursive: true })
    await rm(certificates, { recursive: true })
  }
}

const sayCosts = (kind: string, costs: Costs): void => {
  say(`${kind.padEnd(52)} up, down: bytes at the socket; bytes of IP`)
  for (const [what, { up, down, ip }] of Object.entries(costs))
    say(`  ${what.padEnd(50)} ${Math.round(up)}, ${Math.round(down)}${ip === undefined ? '' : `; ${Math.round(ip)}`}`)
  for (const everyS of [600, 60]) {
    const socket = monthOf(costs, everyS, total)
    const ip = costs.ping.ip === undefined ? '' : `; IP ${megabytes(monthOf(costs, everyS, (cost) => cost.ip ?? 0))}`
    const verdict = everyS !== 600 ? '' : socket <= limitBytes ? ', within 1 MB' : ', MORE than 1 MB'
    say(`  ${`a month with keepaliveS ${everyS}`.padEnd(50)} ${megabytes(socket)}${verdict}${ip}`)
  }
  if (monthOf(costs, 600, total) > limitBytes) process.exitCode = 1
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`

say(`the link of an idle device, one app of three services; Node ${process.version}`)
const namespace = openNetworkNamespace()
if (namespace === undefined) say('bytes of IP are not counted: that needs root and ip netns')
try {
  const [tcp, tls] = await Promise.all([measureOver('TCP'), measureOver('TLS', namespace)])
  sayCosts('TCP', tcp)
  sayCosts('TLS', tls)
} finally {
  namespace?.close()
}
