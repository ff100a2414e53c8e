/** From events to what the console shows: `(state, EventView) -> state`. */
export * from './event';
export * from './chunks';
export * from './batches';
export * from './task';
export * from './task-state';
export * from './replicas';
export * from './network';
