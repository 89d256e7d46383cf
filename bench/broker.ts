/**
 * The embedded broker beside bare aedes and Mosquitto, in one run: many senders with a persistent session that gets it all,
 * one device's topics among many retained, idle clients, a restart, a whole site that connects at once and comes back after a restart, and what others feel of a reader that stopped. Each
 * broker is a process of its own, and who loads it another.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { eventually } from '../test/support/eventually.ts'
import { accepts, findFreePort } from '../test/support/mosquitto.ts'
import { acknowledge, openRaw, publishFrame, subscribeFrame } from './raw-mqtt.ts'

const messages = Number(process.env.BENCH_MESSAGES ?? 60_000)
const retainedCount = Number(process.env.BENCH_RETAINED ?? 100_000)
const idleCounts = (process.env.BENCH_IDLE ?? '5000,10000').split(',').map(Number)
const payload = Buffer.alloc(256, 'x')
const say = (line: string): void => void process.stdout.write(`${line}\n`)

type Kind = 'longshore' | 'aedes' | 'mosquitto'

const serve = async (kind: Kind, port: number, folder: string): Promise<void> => {
  if (kind === 'longshore') {
    const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
    await createBroker({ log, port, state: join(folder, 'state'), maxConnectRate: 100_000 }).start()
  } else {
    const aedes = await Aedes.createBroker()
    createServer({ noDelay: true }, aedes.handle).listen(port, '127.0.0.1')
  }
}

type Running = { readonly port: number; readonly restart: () => Promise<number>; readonly pid: () => number }

const running: ChildProcess[] = []

const launch = async (kind: Kind, folder: string): Promise<Running> => {
  const port = await findFreePort()
  let child: ChildProcess
  const start = async (): Promise<number> => {
    const startedAt = performance.now()
    if (kind === 'mosquitto') {
      const config = ['allow_anonymous true', 'user root', 'persistence true', `persistence_location ${folder}/`]
      const queues = ['max_queued_messages 0', 'max_inflight_messages 100']
      await writeFile(join(folder, 'conf'), [`listener ${port} 127.0.0.1`, ...config, ...queues, ''].join('\n'))
      child = spawn('/usr/sbin/mosquitto', ['-c', join(folder, 'conf')], { stdio: 'ignore' })
    } else child = fork(process.argv[1] as string, ['serve', kind, String(port), folder])
    running.push(child)
    await eventually(`${kind} to listen`, () => accepts(port), { everyMs: 5, timeoutMs: 60_000 })
    return performance.now() - startedAt
  }
  await start()
  return {
    port,
    pid: () => child.pid ?? 0,
    restart: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
      return start()
    },
  }
}

/** Sends QoS 1 with so many unacknowledged, until all of it is acknowledged. */
const send = async (port: number, name: string, frames: (n: number, messageId: number) => Buffer, count: number) => {
  let sent = 0
  let acknowledged = 0
  await new Promise<void>((resolve) => {
    const more = (socket: Socket): void => {
      const batch: Buffer[] = []
      for (; sent < count && sent - acknowledged < 200; sent += 1) batch.push(frames(sent, (sent % 60_000) + 1))
      if (batch.length > 0) socket.write(Buffer.concat(batch))
    }
    openRaw(port, name, true, (packets, socket) => {
      acknowledged += packets.length
      if (acknowledged === count) {
        socket.destroy()
        resolve()
      } else more(socket)
    }).then(more, () => {})
  })
}

/** Messages a second from eight senders to one persistent session, each acknowledged on either side. */
const fanIn = async ({ port }: Running): Promise<string> => {
  let received = 0
  let done = (): void => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const reader = await openRaw(port, 'reader', false, (packets, socket) => {
    received += packets.filter(({ kind }) => kind === 0x30).length
    socket.write(acknowledge(packets))
    if (received >= messages) done()
  })
  reader.write(subscribeFrame(['fan/#']))
  await new Promise((resolve) => setTimeout(resolve, 200))
  const startedAt = performance.now()
  const senders = Array.from({ length: 8 }, (_, n) =>
    send(port, `s${n}`, (_n, id) => publishFrame(`fan/${n}`, payload, id), messages / 8),
  )
  await Promise.all([...senders, all])
  const perSecond = messages / ((performance.now() - startedAt) / 1_000)
  reader.destroy()
  return `${Math.round(perSecond).toLocaleString('en')} messages/s`
}

const lookUp = async (port: number, device: number): Promise<number> => {
  const filters = Array.from({ length: 100 }, (_, n) => `fleet/${device}/${n}`)
  let found = 0
  const startedAt = performance.now()
  await new Promise<void>((resolve) => {
    openRaw(port, `look-${device}`, true, (packets, socket) => {
      found += packets.filter(({ kind }) => kind === 0x30).length
      if (found < 100) return
      socket.destroy()
      resolve()
    }).then(
      (socket) => socket.write(subscribeFrame(filters)),
      () => {},
    )
  })
  return performance.now() - startedAt
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

const lookUps = async (port: number): Promise<number> => {
  const times: number[] = []
  for (let n = 0; n < 9; n += 1) times.push(await lookUp(port, n % 5))
  return median(times)
}

const retained = async (broker: Running): Promise<string> => {
  const fill = (from: number, count: number) =>
    send(
      broker.port,
      'fill',
      (n, id) => publishFrame(`fleet/${Math.floor((from + n) / 100)}/${(from + n) % 100}`, payload, id, true),
      count,
    )
  await fill(0, 500)
  const few = await lookUps(broker.port)
  await fill(500, retainedCount - 500)
  const many = await lookUps(broker.port)
  const restartMs = await broker.restart()
  return `100 topics ${few.toFixed(1)} ms among 500, ${many.toFixed(1)} ms among ${retainedCount}; restart ${restartMs.toFixed(0)} ms`
}

const rssMb = async (pid: number): Promise<number> =>
  Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

const idle = async (broker: Running): Promise<string> => {
  const before = await rssMb(broker.pid())
  const rows: string[] = []
  let open = 0
  for (const count of idleCounts) {
    for (; open < count; open += 200)
      await Promise.all(
        Array.from({ length: 200 }, (_, more) => openRaw(broker.port, `idle-${open + more}`, true, () => {})),
      )
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const after = await rssMb(broker.pid())
    const each = ((1024 * (after - before)) / count).toFixed(1)
    rows.push(
      `${count} idle clients ${(after - before).toFixed(0)} MB (${each} kB each), ${after.toFixed(0)} MB in all`,
    )
  }
  return rows.join('; ')
}

/** The longest that a reader waits for the next of a message every 5 ms. */
const gaps = async (port: number, forMs: number): Promise<number> => {
  let last = performance.now()
  let longest = 0
  const reader = await openRaw(port, `gap-${forMs}`, true, (packets, socket) => {
    const now = performance.now()
    if (packets.some(({ kind }) => kind === 0x30)) longest = Math.max(longest, now - last)
    last = now
    socket.write(acknowledge(packets))
  })
  reader.write(subscribeFrame(['beat']))
  const writer = await openRaw(port, `beat-${forMs}`, true, () => {})
  const beat = setInterval(() => writer.write(publishFrame('beat', payload, 1)), 5)
  await new Promise((resolve) => setTimeout(resolve, 300))
  longest = 0
  await new Promise((resolve) => setTimeout(resolve, forMs))
  longest = Math.max(longest, performance.now() - last)
  clearInterval(beat)
  for (const socket of [reader, writer]) socket.destroy()
  return longest
}

const frozen = async ({ port }: Running): Promise<string> => {
  const before = await gaps(port, 3_000)
  const stopped = await openRaw(port, 'stopped', true, () => {})
  stopped.write(subscribeFrame(['flood']))
  await new Promise((resolve) => setTimeout(resolve, 100))
  stopped.pause()
  const big = Buffer.alloc(64 * 1024)
  // Of many: what one sends, aedes takes only as fast as it can pass it on.
  const writers = await Promise.all(Array.from({ length: 150 }, (_, n) => openRaw(port, `flood-${n}`, true, () => {})))
  let id = 0
  const timer = setInterval(() => {
    id += 1
    writers[id % writers.length]?.write(publishFrame('flood', big, (id % 60_000) + 1))
  }, 5)
  const during = await gaps(port, 8_000)
  clearInterval(timer)
  for (const socket of [stopped, ...writers]) socket.destroy()
  return `largest gap of another reader ${before.toFixed(0)} ms; with one that stopped reading ${during.toFixed(0)} ms`
}

const devices = 2_000

const ownTopic = (n: number): string => `fleet/${Math.floor(n / 10)}/${n % 10}`

/** All devices at once: each says that it is there, hears it back, and reads ten topics of its own. Seconds until the last one is current. */
const connectAll = async ({ port }: Running): Promise<{ readonly seconds: number; readonly sockets: Socket[] }> => {
  const startedAt = performance.now()
  const sockets = await Promise.all(
    Array.from({ length: devices }, async (_, device) => {
      const status = `fleet/${device}/status`
      const topics = [status, ...Array.from({ length: 10 }, (_, n) => ownTopic(device * 10 + n))]
      const missing = new Set(topics)
      let done = (): void => {}
      const current = new Promise<void>((resolve) => {
        done = resolve
      })
      const socket = await openRaw(port, `device-${device}`, false, (packets, from) => {
        from.write(acknowledge(packets))
        for (const { kind, body } of packets)
          if (kind === 0x30) missing.delete(body.subarray(2, 2 + body.readUInt16BE(0)).toString())
        if (missing.size === 0) done()
      })
      socket.write(Buffer.concat([subscribeFrame(topics), publishFrame(status, payload, 2, true)]))
      await current
      return socket
    }),
  )
  return { seconds: (performance.now() - startedAt) / 1_000, sockets }
}

const fillFleet = ({ port }: Running): Promise<void> =>
  send(port, 'fill', (n, id) => publishFrame(ownTopic(n), payload, id, true), devices * 10)

/** A site that is switched on. */
const rush = async (broker: Running): Promise<string> => {
  await fillFleet(broker)
  const { seconds } = await connectAll(broker)
  return `${devices} devices at once are current after ${seconds.toFixed(1)} s`
}

/** A site whose broker restarts: all sessions are kept, and all devices are back in the same moment. */
const comeBack = async (broker: Running): Promise<string> => {
  await fillFleet(broker)
  const { sockets } = await connectAll(broker)
  const restartMs = await broker.restart()
  for (const socket of sockets) socket.destroy()
  const { seconds } = await connectAll(broker)
  return `${devices} devices back at once are current ${seconds.toFixed(1)} s after a restart of ${restartMs.toFixed(0)} ms`
}

const parts = { 'fan-in': fanIn, retained, rush, 'come-back': comeBack, idle, frozen } as const

const [, , role, kind, port, folder = ''] = process.argv
if (role === 'serve') await serve(kind as Kind, Number(port), folder)
else {
  const base = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
  try {
    const chosen = role === undefined ? Object.keys(parts) : [role]
    say(`broker; Node ${process.version}, ${messages} messages of ${payload.length} bytes`)
    for (const part of chosen)
      for (const candidate of ['longshore', 'aedes', 'mosquitto'] as const) {
        // It forgets what is retained.
        if (part === 'come-back' && candidate === 'aedes') continue
        const own = await mkdtemp(join(base, `${candidate}-`))
        const broker = await launch(candidate, own)
        say(`${part.padEnd(9)} ${candidate.padEnd(10)} ${await parts[part as keyof typeof parts](broker)}`)
        for (const child of running.splice(0)) child.kill('SIGKILL')
      }
  } finally {
    for (const child of running) child.kill('SIGKILL')
    await rm(base, { recursive: true, force: true })
  }
}
