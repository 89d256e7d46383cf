/** All listeners of the broker, and their certificates, which are read again when they change. */
import type { Logger } from 'pino'
import { openReloaded, type Reloaded } from '../reloaded.ts'
import { isReadable, type ResolvedListener, tlsOf } from './listener-settings.ts'
import { type ListenerInput, type OpenListener, openListener } from './open-listener.ts'
import { readTlsFiles, type TlsMaterial } from './tls-files.ts'

export type OpenListeners = {
  /** In the order of the listeners; undefined for a socket in the file system. */
  readonly ports: readonly (number | undefined)[]
  readonly certificates: readonly Reloaded<TlsMaterial>[]
  readonly close: () => Promise<void>
}

/** What opened is closed again where one fails. @throws LongshoreError port-unavailable, file-unreadable, config-invalid */
export const openListeners = async (
  listeners: readonly ResolvedListener[],
  input: Omit<ListenerInput, 'listener' | 'tls'> & { readonly log: Logger },
): Promise<OpenListeners> => {
  const { log } = input
  const open: OpenListener[] = []
  const certificates: Reloaded<TlsMaterial>[] = []
  const close = async (): Promise<void> => void (await Promise.all(open.map((one) => one.close())))
  try {
    for (const listener of listeners) {
      if (isReadable(listener))
        log.warn({ listener: listener.name }, 'passwords cross the network readable: use TLS where others are on it')
      const settings = tlsOf(listener)
      if (settings === undefined) {
        open.push(await openListener({ ...input, listener, tls: undefined }))
        continue
      }
      let opened: OpenListener | undefined
      const material = await openReloaded({
        files: [settings.cert, settings.key, ...(settings.clientCa === undefined ? [] : [settings.clientCa])],
        read: () => readTlsFiles(settings),
        changed: (next) => opened?.useTls(next),
        log,
      })
      certificates.push(material)
      opened = await openListener({ ...input, listener, tls: material.current() })
      open.push(opened)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { ports: open.map(({ port }) => port), certificates, close }
}
