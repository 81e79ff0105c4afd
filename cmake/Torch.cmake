# Finds libtorch as the target fovea::torch, in this order, and says which it took:
#   1 what CMAKE_PREFIX_PATH or FOVEA_TORCH names
#   2 on a machine with an NVIDIA GPU, a `torch` >= 2.6 with CUDA that python3 imports
#   3 Debian's libtorch-dev
#   4 any other `torch` of python3
set(FOVEA_TORCH "" CACHE PATH "Folder of a libtorch to use (holds share/cmake/Torch, or is a Python torch package)")

function(_fovea_python_torch out_prefix out_version out_cuda)
  execute_process(COMMAND python3 -c "import torch; print(torch.__path__[0], torch.__version__.split('+')[0], torch.version.cuda or 'none', sep=';')"
                  OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    list(GET answer 0 prefix)
    list(GET answer 1 version)
    list(GET answer 2 cuda)
    set(${out_prefix} ${prefix} PARENT_SCOPE)
    set(${out_version} ${version} PARENT_SCOPE)
    set(${out_cuda} ${cuda} PARENT_SCOPE)
  endif()
endfunction()

# Torch's own CMake files ask for nvToolsExt, which CUDA 12.9 dropped.
if(NOT TARGET CUDA::nvToolsExt)
  add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
endif()

# Torch's own CMake files look for Caffe2's and for their libraries wherever CMake does, the system's folders first: the
# headers of one libtorch would meet the libraries of another. So the prefix that is meant goes before all others meanwhile.
# And they change how all CUDA is compiled: their flags and architectures stay theirs. Without a list of architectures they
# would run a program to ask the GPU, which fails where there is none.
macro(_fovea_find_torch prefix)
  set(_kept CMAKE_PREFIX_PATH CMAKE_CUDA_FLAGS CMAKE_CUDA_ARCHITECTURES CMAKE_CUDA_STANDARD)
  foreach(_name ${_kept})
    set(_kept_${_name} "${${_name}}")
  endforeach()
  list(PREPEND CMAKE_PREFIX_PATH ${prefix})
  set(TORCH_CUDA_ARCH_LIST 8.0)
  find_package(Torch QUIET CONFIG NO_DEFAULT_PATH PATHS ${prefix})
  foreach(_name ${_kept})
    set(${_name} "${_kept_${_name}}")
  endforeach()
endmacro()

set(_how "")
if(FOVEA_TORCH)
  _fovea_find_torch(${FOVEA_TORCH})
  if(NOT Torch_FOUND)
    message(FATAL_ERROR "FOVEA_TORCH=${FOVEA_TORCH} holds no libtorch: expected share/cmake/Torch/TorchConfig.cmake in it.")
  endif()
  set(_how "named by FOVEA_TORCH")
elseif(CMAKE_PREFIX_PATH OR DEFINED ENV{CMAKE_PREFIX_PATH})
  string(REPLACE ":" ";" _named "${CMAKE_PREFIX_PATH};$ENV{CMAKE_PREFIX_PATH}")
  find_package(Torch QUIET CONFIG NO_DEFAULT_PATH PATHS ${_named})
  set(_how "named by CMAKE_PREFIX_PATH")
endif()

if(NOT Torch_FOUND)
  _fovea_python_torch(_prefix _version _cuda)
  if(EXISTS /dev/nvidia0 AND _prefix AND NOT _cuda STREQUAL "none" AND _version VERSION_GREATER_EQUAL 2.6)
    _fovea_find_torch(${_prefix})
    set(_how "python3's torch ${_version} with CUDA ${_cuda}")
  endif()
endif()
if(NOT Torch_FOUND)
  find_package(Torch QUIET CONFIG)
  set(_how "the system's")
endif()
if(NOT Torch_FOUND AND _prefix)
  _fovea_find_torch(${_prefix})
  set(_how "python3's torch ${_version}")
endif()
if(NOT Torch_FOUND)
  message(FATAL_ERROR "No libtorch found: install Debian's libtorch-dev or Python's torch, or name one with -DFOVEA_TORCH=DIR.")
endif()

add_library(fovea_torch INTERFACE)
target_link_libraries(fovea_torch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(fovea_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
separate_arguments(_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(fovea_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${_torch_flags}>)
add_library(fovea::torch ALIAS fovea_torch)
message(STATUS "libtorch ${Torch_VERSION}: ${_how} (${TORCH_INSTALL_PREFIX})")
