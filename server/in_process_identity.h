#ifndef SWOOSH_SERVER_IN_PROCESS_IDENTITY_H_
#define SWOOSH_SERVER_IN_PROCESS_IDENTITY_H_

#include <string>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/server_context.h"

// The names in a client's certificate, handed on with a call that this process makes for him. A
// call's metadata has them, and a secret that is drawn once a process: who calls over the network
// can send names, but not the secret. Thread-safe.
namespace swoosh {

void AddCertificateNames(const std::vector<std::string>& names, grpc::ClientContext* context);

// None where this process has not added any.
std::vector<std::string> AddedCertificateNames(const grpc::ServerContextBase& context);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_IN_PROCESS_IDENTITY_H_
