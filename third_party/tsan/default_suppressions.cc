// What ThreadSanitizer must not report about Debian's libraries, which are not instrumented.
//
// called_from_lib: calls to malloc, memcpy and the like from inside a library whose memory is
// handed between threads by atomics that ThreadSanitizer doesn't see. Each pattern has to match one
// library. std::mutex inside of them is not seen either, so a library that hands our data between
// threads under one (LevelDB) must stay out of this list.
//
// race: a stack that passes through gRPC's own code. Requests and reactors move between its threads
// in ways not seen, so a race between two of gRPC's threads in a service's handler is not found
// here. The services are thin; what they call (executor, change feed) has tests without gRPC.

extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libabsl_base.so\n"
         "called_from_lib:libabsl_cord.so\n"
         "called_from_lib:libabsl_cord_internal.so\n"
         "called_from_lib:libabsl_graphcycles_internal.so\n"
         "called_from_lib:libabsl_malloc_internal.so\n"
         "called_from_lib:libabsl_random_internal_pool_urbg.so\n"
         "called_from_lib:libabsl_status.so\n"
         "called_from_lib:libabsl_strings.so\n"
         "called_from_lib:libabsl_synchronization.so\n"
         "called_from_lib:libaddress_sorting.so\n"
         "called_from_lib:libcares.so\n"
         "called_from_lib:libgpr.so\n"
         "called_from_lib:libgrpc.so\n"
         "called_from_lib:libgrpc++.so\n"
         "called_from_lib:libgrpc++_reflection.so\n"
         "called_from_lib:libupb.so\n"
         "race:^grpc::\n"
         "race:libgrpc\n"
         "race:libgpr\n";
}
