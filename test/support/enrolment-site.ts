/** A site as `longshore broker init` makes it, with its broker in this process, on a port of its own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { enroll } from '../../agent/enrolment/enroll.ts'
import { type Broker, createBroker } from '../../broker/broker.ts'
import { brokerConfigSchema } from '../../broker/config.ts'
import { initSite } from '../../broker/enrolment/init-site.ts'
import { createToken, type TokenInput } from '../../broker/enrolment/operate.ts'
import { findFreePort } from './mosquitto.ts'
import { openClient, type TestClient } from './mqtt.ts'

export type LogLine = Readonly<Record<string, unknown>>

export type TestDevice = {
  readonly device: string
  readonly config: string
  readonly state: string
  /** what a client needs to come as the device */
  readonly options: () => Promise<IClientOptions>
}

export const startSite = async ({
  lifetimeS = 3600,
  ...limits
}: {
  lifetimeS?: number
  maxFailedLogins?: number
} = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-site-'))
  const port = await findFreePort()
  const site = await initSite({
    folder: join(folder, 'site'),
    names: ['localhost', '127.0.0.1'],
    port,
    root: 'longshore',
    operator: 'ada',
    nowMs: Date.now(),
  })
  const { files } = site
  const lines: LogLine[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const config = brokerConfigSchema.parse(parse(await readFile(files.config, 'utf8')))
  const run = async (): Promise<Broker> => {
    const enrolment = { folder: files.folder, lifetimeS }
    const next = createBroker({ ...config, enrolment, ...limits, log })
    await next.start()
    return next
  }
  let broker = await run()
  onTestFinished(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const url = `mqtts://localhost:${port}`
  const ca = site.authority

  const newToken = (options: Partial<TokenInput> = {}): Promise<string> =>
    createToken(files, { uses: 1, lifetimeMs: 60_000, device: undefined, labels: {}, nowMs: Date.now(), ...options })

  return {
    folder,
    files,
    port,
    url,
    ca,
    lines,
    newToken,
    password: site.password ?? '',
    broker: () => broker,
    restart: async (): Promise<void> => {
      await broker.stop()
      broker = await run()
    },
    /** As the command does it, in a folder that is called `place`. */
    enroll: async (device: string, token?: string, place = device): Promise<TestDevice> => {
      const [config, state] = [join(folder, place, 'agent.yaml'), join(folder, place, 'state')]
      await enroll({
        broker: url,
        token: token ?? (await newToken()),
        device,
        config,
        state,
        root: undefined,
        timeoutMs: 10_000,
        log: pino({ level: 'silent' }),
      })
      const options = async (): Promise<IClientOptions> => {
        const pem = await readFile(join(state, 'certificate', 'device.pem'), 'utf8')
        return { ca, cert: pem, key: pem, clientId: device }
      }
      return { device, config, state, options }
    },
    connect: async ({ options }: TestDevice, more: IClientOptions = {}): Promise<TestClient> =>
      openClient(url, { ...(await options()), ...more }),
    operator: (): Promise<TestClient> => openClient(url, { ca, username: 'ada', password: site.password ?? '' }),
  }
}

export type TestSite = Awaited<ReturnType<typeof startSite>>
