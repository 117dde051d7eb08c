/** The tests bring their own code; the runtime wants a worker all the same. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
