/** The operations of a plan: each is one call to the engine or to the files, with its target and the cause why it is needed. */
import type { DataChange } from '../files/project-files.ts'
import type { ContainerSpec, RestartSpec } from '../translate/container-spec.ts'
import type { AttachmentSpec, NetworkSpec, VolumeSpec } from '../translate/network-spec.ts'
import type { Tree } from '../translate/project-mounts.ts'

type On<Kind extends string, Details> = {
  readonly kind: Kind
  readonly target: string
  readonly cause: string
} & Details

/** `target` is the name on the engine, or the path in the project; a service's operations also carry the service. */
export type Operation =
  | On<'create-network', { readonly spec: NetworkSpec }>
  | On<'remove-network', { readonly id: string }>
  | On<'create-volume', { readonly spec: VolumeSpec }>
  | On<'remove-volume', unknown>
  | On<'create-container', { readonly service: string; readonly spec: ContainerSpec }>
  | On<'connect-network', { readonly service: string; readonly id: string; readonly attachment: AttachmentSpec }>
  | On<'start-container', { readonly service: string; readonly id: string }>
  | On<'restart-container', { readonly service: string; readonly id: string; readonly timeoutS: number }>
  | On<'allow-restart', { readonly service: string; readonly id: string; readonly restart: RestartSpec }>
  | On<'withdraw-alias', { readonly service: string; readonly id: string; readonly network: string }>
  | On<
      'stop-container',
      {
        readonly service: string
        readonly id: string
        readonly timeoutS: number
        /** before it is stopped: an engine that is cut off in between must not bring it back */
        readonly forbidRestart: boolean
      }
    >
  | On<'remove-container', { readonly service: string; readonly id: string; readonly volumes: boolean }>
  | On<'rename-container', { readonly service: string; readonly id: string; readonly name: string }>
  | On<'place-files', { readonly service: string; readonly app: string; readonly tree: Tree }>
  | On<'change-files', { readonly app: string; readonly changes: readonly DataChange[] }>
  | On<
      'remove-files',
      { readonly app: string; readonly trees: readonly string[]; readonly secretTrees: readonly string[] }
    >
  | On<'make-lock-folder', { readonly app: string }>
  | On<'remove-project', { readonly app: string; readonly data: boolean }>

/** What is done to files, and not to the engine. */
export type FileOperation = Extract<
  Operation,
  { kind: 'place-files' | 'change-files' | 'remove-files' | 'make-lock-folder' | 'remove-project' }
>

export const isOfFiles = ({ kind }: Operation): boolean => fileKinds.has(kind)

const fileKinds: ReadonlySet<Operation['kind']> = new Set<FileOperation['kind']>([
  'place-files',
  'change-files',
  'remove-files',
  'make-lock-folder',
  'remove-project',
])

/** Names an operation across turns, so that a failure can be remembered and tried again later. */
export const operationKey = (operation: Operation): string => {
  switch (operation.kind) {
    case 'connect-network':
      return `${operation.kind} ${operation.target} ${operation.attachment.network}`
    case 'place-files':
      return `${operation.kind} ${operation.tree.digest}`
    default:
      return `${operation.kind} ${operation.target}`
  }
}

/** One line for a person; `longshore plan` and the tests of the planner print the same. */
export const operationText = (operation: Operation): string => `${describe(operation)}  (${operation.cause})`

const describe = (operation: Operation): string => {
  switch (operation.kind) {
    case 'connect-network':
      return `${operation.kind} ${operation.target} to ${operation.attachment.network}`
    case 'withdraw-alias':
      return `${operation.kind} ${operation.target} on ${operation.network}`
    case 'rename-container':
      return `${operation.kind} ${operation.target} to ${operation.name}`
    case 'change-files':
      return `${operation.kind} ${operation.changes.map(({ kind, path }) => `${kind} ./${path}`).join(', ')}`
    default:
      return `${operation.kind} ${operation.target}`
  }
}
