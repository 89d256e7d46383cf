/** The daemon as it is, in this process, on a simulated engine: for what is between it and its broker. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { type SimulatedEngine, simulatedEngine } from '../../agent/engine/simulated.ts'
import { startAgent } from '../../agent/main.ts'
import { newDeviceId } from './agents.ts'

export type LogLine = { readonly level: number; readonly msg: string; readonly code?: string; readonly topic?: string }

export type LinkedAgent = {
  readonly device: string
  readonly state: string
  readonly engine: SimulatedEngine
  readonly log: readonly LogLine[]
  readonly stop: () => Promise<void>
}

export type LinkedAgentInput = {
  readonly url: string
  readonly device?: string
  /** to go on with; by default a new one */
  readonly state?: string
  readonly engine?: SimulatedEngine
  readonly settings?: object
  /** epoch ms */
  readonly nowMs?: () => number
}

export const newStateFolder = async (): Promise<string> => {
  const state = await mkdtemp(join(tmpdir(), 'longshore-linked-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  return state
}

export const newSimulatedEngine = (): SimulatedEngine => {
  const engine = simulatedEngine({ now: Date.now })
  engine.controls.addImage('web:1', 'sha256:web1')
  return engine
}

export const startLinkedAgent = async (input: LinkedAgentInput): Promise<LinkedAgent> => {
  const device = input.device ?? newDeviceId()
  const state = input.state ?? (await newStateFolder())
  const secrets = await newStateFolder()
  const engine = input.engine ?? newSimulatedEngine()
  const log: LogLine[] = []
  const config = agentConfigSchema.parse({
    ...{ device, state, secrets, broker: input.url, engine: 'unix:///nonexistent.sock', reconnectMaxS: 1 },
    ...input.settings,
  })
  const logger = pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) })
  const { stop } = await startAgent(config, logger, {
    engine: () => engine,
    ...(input.nowMs === undefined ? {} : { nowMs: input.nowMs }),
  })
  let stopped: Promise<void> | undefined
  const stopOnce = (): Promise<void> => {
    stopped ??= stop()
    return stopped
  }
  onTestFinished(stopOnce)
  return { device, state, engine, log, stop: stopOnce }
}
