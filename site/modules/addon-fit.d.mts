// What the server gives a page under this name.
export * from '@xterm/addon-fit'
