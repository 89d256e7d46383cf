/** A simulated device with the app `shop`, and short words for what tests of updates ask of it. Under fake timers. */
import { expect, vi } from 'vitest'
import { app } from './builders.ts'
import { simulatedDevice } from './simulated-device.ts'

export const openDevice = async (input: Parameters<typeof simulatedDevice>[0] = {}) => {
  const device = simulatedDevice(input)
  device.engine.controls.addImage('web:1', 'sha256:web1')
  await device.settle()
  const { controls } = device.engine
  /** In steps: what is done at one moment may ask to be woken at a later one. */
  const pass = async (ms: number) => {
    await device.settle()
    for (let passed = 0; passed < ms; passed += 500) {
      vi.advanceTimersByTime(500)
      await device.settle()
    }
  }
  const deploy = async (...values: Parameters<typeof device.deploy>) => {
    expect(await device.deploy(...values)).toBe('accepted')
    await device.settle()
  }
  return {
    device,
    controls,
    pass,
    deploy,
    report: () => device.reported.get(app),
    record: () => device.store.app(app),
    names: () => controls.containers().map(({ name, state }) => `${name} ${state}`),
    variable: () => controls.containers().find(({ name }) => name === 'shop-web-1')?.spec.environment.A,
    id: (name: string) => controls.container(name).id,
    /** A release with the time to prove itself. */
    good: async (...values: Parameters<typeof device.deploy>) => {
      await deploy(...values)
      await pass(10_000)
    },
    /** The agent is killed, and started again. */
    restart: async () => {
      device.crash(0, false)
      device.revive()
      await device.settle()
    },
  }
}
