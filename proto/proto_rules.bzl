"""C++ and Python from .proto files, by the system's protoc and gRPC plugins.

Bazel's own cc_proto_library would build protoc from source. Here every set of files is one genrule
over /usr/bin/protoc and one library over what it made. Import paths start in this package
("swoosh/v1/record.proto") or in //third_party/googleapis ("google/rpc/status.proto");
google/protobuf/*.proto and its generated headers are the system's.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")

# Where protoc looks for google/*.proto, and for ours too.
GOOGLE_IMPORT_PATHS = ["$(BINDIR)/third_party/googleapis", "/usr/include"]
_IMPORT_PATHS = ["proto"] + GOOGLE_IMPORT_PATHS

def _stem(proto):
    if not proto.endswith(".proto"):
        fail("not a .proto file: " + proto)
    return proto[:-len(".proto")]

def _outs(protos, suffixes):
    return [_stem(proto) + suffix for proto in protos for suffix in suffixes]

def _protoc(name, protos, srcs, outs, options, import_paths = _IMPORT_PATHS, **kwargs):
    imports = " ".join(["-I" + path for path in import_paths])
    native.genrule(
        name = name,
        srcs = srcs,
        outs = outs,
        cmd = "/usr/bin/protoc {} {} {}".format(imports, options, " ".join(protos)),
        message = "Generating from .proto files",
        **kwargs
    )

def cc_messages(name, protos, srcs, deps = [], import_paths = _IMPORT_PATHS, visibility = None):
    """A cc_library of message types, without services.

    Args:
      name: the target's name.
      protos: import paths to generate for: "swoosh/v1/record.proto".
      srcs: labels that hold these files and all that they import.
      deps: cc_messages of the files that they import.
      import_paths: folders where import paths start.
      visibility: as usual.
    """
    _protoc(
        name = name + "_gen",
        protos = protos,
        srcs = srcs,
        outs = _outs(protos, [".pb.h", ".pb.cc"]),
        options = "--cpp_out=$(RULEDIR)",
        import_paths = import_paths,
    )
    cc_library(
        name = name,
        srcs = _outs(protos, [".pb.cc"]),
        hdrs = _outs(protos, [".pb.h"]),
        includes = ["."],
        visibility = visibility,
        deps = deps + ["//third_party:protobuf"],
    )

def cc_services(name, protos, srcs, deps, visibility = None):
    """A cc_library of gRPC stubs and service classes, for protos whose messages are in `deps`."""
    _protoc(
        name = name + "_gen",
        protos = protos,
        srcs = srcs,
        outs = _outs(protos, [".grpc.pb.h", ".grpc.pb.cc"]),
        options = "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin --grpc_out=$(RULEDIR)",
    )
    cc_library(
        name = name,
        srcs = _outs(protos, [".grpc.pb.cc"]),
        hdrs = _outs(protos, [".grpc.pb.h"]),
        includes = ["."],
        visibility = visibility,
        deps = deps + ["//third_party:grpc"],
    )

def py_messages_and_services(name, messages, services, srcs, visibility = None):
    """A py_library of *_pb2.py for `messages` and also *_pb2_grpc.py for `services` (a part of them)."""
    _protoc(
        name = name + "_messages_gen",
        protos = messages,
        srcs = srcs,
        outs = _outs(messages, ["_pb2.py"]),
        options = "--python_out=$(RULEDIR)",
    )
    _protoc(
        name = name + "_services_gen",
        protos = services,
        srcs = srcs,
        outs = _outs(services, ["_pb2_grpc.py"]),
        options = "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin --grpc_out=$(RULEDIR)",
    )
    native.py_library(
        name = name,
        srcs = _outs(messages, ["_pb2.py"]) + _outs(services, ["_pb2_grpc.py"]),
        imports = ["."],
        visibility = visibility,
    )

def descriptor_set(name, protos, srcs, visibility = None):
    """NAME.binpb: a FileDescriptorSet of `protos` and of all that they import, with comments."""
    _protoc(
        name = name,
        protos = protos,
        srcs = srcs,
        outs = [name + ".binpb"],
        options = "--include_imports --include_source_info --descriptor_set_out=$@",
        visibility = visibility,
    )
