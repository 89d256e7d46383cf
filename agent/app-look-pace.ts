/**
 * How soon an app is looked at when its hardware changed: at once, and of an adapter that comes and goes without end only so
 * often, since each look may be a report, or a restart. What stands in its containers is right in between all the same.
 */
import { createInventoryPacer, type InventoryPacer } from './inventory-pace.ts'

export type AppLooks = { readonly soon: (apps: readonly string[]) => void; readonly stop: () => void }

export type AppLooksInput = {
  readonly look: (app: string) => void
  /** of a clock that never jumps */
  readonly monotonicMs: () => number
}

export const createAppLooks = ({ look, monotonicMs }: AppLooksInput): AppLooks => {
  const pacers = new Map<string, InventoryPacer>()
  const pacerOf = (app: string): InventoryPacer => {
    const pacer = pacers.get(app) ?? createInventoryPacer({ publish: () => look(app), monotonicMs, togetherMs: 0 })
    pacers.set(app, pacer)
    return pacer
  }
  return {
    soon: (apps) => {
      for (const app of apps) pacerOf(app).soon()
    },
    stop: () => {
      for (const pacer of pacers.values()) pacer.stop()
    },
  }
}
