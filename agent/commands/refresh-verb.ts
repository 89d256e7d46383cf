/** The verb `refresh`: looks at everything, and says it all again. */
import type { InventoryPublisher } from '../inventory.ts'
import type { Reconciler } from '../reconcile/reconciler.ts'
import type { Reporter } from '../reconcile/reporter.ts'
import type { Verb } from './verb.ts'

export type RefreshInput = {
  readonly inventory: Pick<InventoryPublisher, 'refresh'>
  readonly reconciler: Pick<Reconciler, 'lookAtEverything'>
  readonly reporter: Pick<Reporter, 'repeatAll'>
}

export const refreshVerb =
  ({ inventory, reconciler, reporter }: RefreshInput): Verb =>
  async () => {
    await inventory.refresh()
    reconciler.lookAtEverything()
    reporter.repeatAll()
    return { outcome: 'done' }
  }
