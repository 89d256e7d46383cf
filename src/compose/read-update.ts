/** `deploy.update_config`, `deploy.rollback_config` and `deploy.restart_policy`: how one release follows another, and what follows an end. */
import type { Authored } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { ignored, orNothing, readShape } from './read-shape.ts'
import { readDuration, readInteger, readOneOf, wrongType } from './read-values.ts'

const readRatio: Reader<number> = (node, context) => {
  const value = node.kind === 'scalar' && /^\d*\.?\d+$/.test(node.text) ? Number(node.text) : Number.NaN
  return value >= 0 && value <= 1 ? value : wrongType(node, context, 'a number between 0 and 1')
}

const rows = {
  monitor: readDuration,
  delay: readDuration,
  max_failure_ratio: readRatio,
  order: readOneOf('stop-first', 'start-first'),
  parallelism: readInteger(0),
}

export const readUpdateConfig: Reader<Record<string, unknown>> = orNothing(
  readShape('updateConfig', { ...rows, failure_action: readOneOf('continue', 'pause', 'rollback') }),
)

/** A rollback that fails stops there, which is what `pause` means. */
export const readRollbackConfig: Reader<Record<string, unknown>> = orNothing(
  readShape('rollbackConfig', {
    ...rows,
    failure_action: (node, context) => {
      const action = readOneOf('continue', 'pause')(node, context)
      if (action === 'continue') context.note(node, 'a rollback that fails stops there: there is nothing left to go to')
      return action
    },
  }),
)

type RestartPolicy = { condition?: 'none' | 'on-failure' | 'any'; max_attempts?: number }

/** In the words of `restart`, in which the model keeps it; absent, the condition is any. */
export const readRestartPolicy: Reader<string> = (node, context) => {
  const policy = readPolicyKeys(node, context) as RestartPolicy | undefined
  if (policy === undefined) return undefined
  const { condition = 'any', max_attempts: attempts } = policy
  if (condition !== 'on-failure' && attempts !== undefined)
    context.note(node, `max_attempts counts with condition: on-failure only, and is ignored with ${condition}`)
  switch (condition) {
    case 'none':
      return 'no'
    case 'any':
      return 'always'
    case 'on-failure':
      return attempts === undefined ? 'on-failure' : `on-failure:${attempts}`
  }
}

const readPolicyKeys = readShape('restartPolicy', {
  condition: (node, context) => {
    // As with `restart`: YAML 1.1, and docker compose with it, takes other words for these.
    const text = node.kind === 'scalar' ? node.text : ''
    if (text === 'no') return 'none'
    return text === 'always' || text === 'unless-stopped'
      ? 'any'
      : readOneOf('none', 'on-failure', 'any')(node, context)
  },
  delay: ignored('is ignored: the engine waits longer from one restart to the next by itself'),
  // 0 is what Compose takes for "without end".
  max_attempts: (node, context) => readInteger(0)(node, context) || undefined,
  window: ignored('is ignored: the engine counts a container that ran for 10 s as started'),
})

/** The specification has `restart` count only where there is no `restart_policy`. */
export const restartOf = (
  restart: string | undefined,
  policy: string | undefined,
  node: Authored,
  context: Context,
): string | undefined => {
  if (restart !== undefined && policy !== undefined && restart !== policy)
    context.note(node, `restart: ${restart} is not used: deploy.restart_policy wins, and comes to ${policy}`)
  return policy ?? restart
}
