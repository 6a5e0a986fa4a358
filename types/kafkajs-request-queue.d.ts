/** A part of kafkajs 2.2.4 that is not for its users; store/kafka/request-queue.ts says why it is used. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
  }
  export = RequestQueue;
}
