/** What must hold of a simulated device whatever happened to it, and how it comes to rest. Under fake timers. */
import { expect, vi } from 'vitest'
import type { SimulatedEngine } from '../../agent/engine/simulated.ts'
import { targetOf } from '../../agent/reconcile/target.ts'
import { containerName, label } from '../../agent/translate/engine-names.ts'
import { replicasOf } from '../../src/compose/model.ts'
import { owner } from './builders.ts'
import type { SimulatedDevice } from './simulated-device.ts'

/** What containers do by themselves: jobs end well, checks pass. */
export const live = ({ engine: { controls } }: SimulatedDevice): void => {
  for (const { id, spec, state, health } of controls.containers()) {
    if (state === 'running' && spec.labels[label.service] === 'job') controls.exitContainer(id, 0)
    else if (state === 'running' && health === 'starting') controls.setHealth(id, 'healthy')
  }
}

/** Old and new must never run side by side, whatever happened, but for those that say so with the label `overlap`. */
export const expectNoDoubles = ({ controls }: SimulatedEngine): void => {
  const active = controls
    .containers()
    .filter(({ state, spec }) => (state === 'running' || state === 'paused') && spec.labels.overlap === undefined)
  const keys = active.map(
    ({ spec: { labels } }) => `${labels[label.app]}/${labels[label.service]}/${labels[label.number]}`,
  )
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
}

export const calm = async (device: SimulatedDevice, drive = live): Promise<void> => {
  device.crash(Number.POSITIVE_INFINITY, false)
  const isSettled = () =>
    device.store.apps().every(({ accepted }) => accepted?.verdict !== undefined) && problems(device).length === 0
  for (let round = 0; round < 400; round += 1) {
    // In every round: a crash may still be waiting for the end of a call that hung.
    device.revive()
    await device.settle()
    drive(device)
    await device.settle()
    if (isSettled()) return
    vi.advanceTimersToNextTimer()
    // The agent looks at everything now and then: not everything that happens has an event.
    if (round % 20 === 19) device.look()
  }
  throw new Error(
    `it does not settle: ${JSON.stringify(problems(device))}; ${JSON.stringify([...device.reported.values()])}`,
  )
}

/** How what runs differs from what is wanted; of a deployment that failed, what it dropped may still be there. */
export const problems = (device: SimulatedDevice): string[] =>
  device.store.apps().flatMap((record) => {
    const { app, stopped = {}, completedJobs = [] } = record
    const { accepted } = targetOf(record)
    if (accepted === undefined) return []
    const { deployment, verdict } = accepted
    const containers = device.engine.controls.containers().filter(({ spec }) => spec.labels[label.app] === app)
    if (deployment.remove) return containers.map(({ name }) => `${name} of a removed app`)
    const { services } = deployment.compose
    const wanted = Object.entries(services).flatMap(([name, wantedService]) => {
      const all = containers.filter(({ spec }) => spec.labels[label.service] === name)
      const isGone = all.length === 0 && completedJobs.some(({ service }) => service === name)
      if (!isGone && all.length !== replicasOf(wantedService)) return [`${name} has ${all.length} containers`]
      return all.flatMap((one) => {
        const isStopped = stopped['*'] !== undefined || stopped[name] !== undefined
        const isGood = (one.state === 'running') !== isStopped || (name === 'job' && one.state === 'exited')
        const wantedName = containerName(owner, app, name, wantedService, Number(one.spec.labels[label.number]))
        return [
          ...(isGood ? [] : [`${name} is ${one.state}`]),
          ...(one.name === wantedName ? [] : [`${name} is called ${one.name}`]),
        ]
      })
    })
    const orphans =
      verdict?.outcome === 'succeeded'
        ? containers.filter(({ spec }) => !((spec.labels[label.service] ?? '') in services))
        : []
    return [...wanted, ...orphans.map(({ name }) => `${name} is an orphan`)]
  })
