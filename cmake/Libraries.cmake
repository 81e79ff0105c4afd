# Libraries that bring no CMake files of their own, found by a header and their names. CMAKE_PREFIX_PATH is therefore
# enough for packages that were unpacked into some folder; pkg-config's files would name /usr wherever they lie.
#
#   fovea::hwy            Google Highway
#   fovea::sentencepiece  never to be linked into anything that links libtorch
#   fovea::icu

# fovea_library(TARGET HEADER LIBRARY…)
function(fovea_library target header)
  find_path(FOVEA_${target}_HEADERS ${header})
  set(missing)
  if(NOT FOVEA_${target}_HEADERS)
    set(missing ${header})
  endif()
  add_library(fovea_${target}_library INTERFACE)
  add_library(fovea::${target} ALIAS fovea_${target}_library)
  foreach(name ${ARGN})
    find_library(FOVEA_${name}_LIBRARY ${name})
    if(NOT FOVEA_${name}_LIBRARY)
      list(APPEND missing lib${name})
    endif()
    target_link_libraries(fovea_${target}_library INTERFACE ${FOVEA_${name}_LIBRARY})
  endforeach()
  if(missing)
    list(JOIN missing ", " missing)
    message(FATAL_ERROR "${missing} not found: install ${target}'s development package, or name the folder that it was "
                        "unpacked into in CMAKE_PREFIX_PATH.")
  endif()
  target_include_directories(fovea_${target}_library SYSTEM INTERFACE ${FOVEA_${target}_HEADERS})
  mark_as_advanced(FOVEA_${target}_HEADERS)
  message(STATUS "${target}: ${FOVEA_${target}_HEADERS}")
endfunction()

fovea_library(hwy hwy/highway.h hwy)
target_compile_options(fovea_hwy_library INTERFACE -DHWY_SHARED_DEFINE)  # as its own pkg-config file has it
fovea_library(sentencepiece sentencepiece_trainer.h sentencepiece sentencepiece_train)
fovea_library(icu unicode/uchar.h icui18n icuuc)
