/** Containers that a command ran in and that are there yet: an agent that was killed could not remove them. */
import type { Engine } from '../engine/engine.ts'
import { runOwner } from '../translate/run-spec.ts'

/** @param isUnderWay by name: this agent runs it right now */
export const sweepRuns = async (
  engine: Pick<Engine, 'list' | 'stopContainer' | 'removeContainer'>,
  agent: string,
  isUnderWay: (name: string) => boolean,
): Promise<readonly string[]> => {
  const { containers } = await engine.list({ agent: runOwner(agent) })
  const left = containers.filter(({ name }) => !isUnderWay(name))
  for (const { id } of left) await removeRun(engine, id)
  return left.map(({ name }) => name)
}

/** With the volumes that the engine made for it alone. */
export const removeRun = async (
  engine: Pick<Engine, 'stopContainer' | 'removeContainer'>,
  id: string,
): Promise<void> => {
  await engine.stopContainer(id, 0)
  await engine.removeContainer(id, { volumes: true })
}
