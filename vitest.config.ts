import { defineConfig } from 'vitest/config'

/** `unit` needs nothing but Node; `real` needs a container engine and Mosquitto, which its set-up installs and starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          setupFiles: ['test/support/seed.ts'],
          exclude: ['test/**/*.real.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/**/*.real.test.ts'],
          globalSetup: ['test/support/real-setup.ts'],
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          // After the unit tests: both at once would be too much for two cores.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
