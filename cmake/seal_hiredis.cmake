# The build step of cmake/Libraries.cmake: OUT = the objects WIRE and HIREDIS joined, every symbol of HIREDIS local.
# Exactly those and no more: the wire layer's own symbols are what the layers above it link against.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE _code OUTPUT_VARIABLE _out ERROR_VARIABLE _err)
  if(NOT _code EQUAL 0)
    string(REPLACE ";" " " _command "${ARGV}")
    message(FATAL_ERROR "${_command}\n${_err}")
  endif()
  set(run_output "${_out}" PARENT_SCOPE)
endfunction()

run("${NM}" --extern-only --defined-only --format=posix ${HIREDIS})
string(REGEX MATCHALL "[A-Za-z_][A-Za-z0-9_]* [A-Z] " _lines "${run_output}")
list(TRANSFORM _lines REPLACE " [A-Z] $" "")
list(JOIN _lines "\n" _symbols)
file(WRITE "${OUT}.symbols" "${_symbols}\n")
run("${LD}" -r -o "${OUT}.joined" ${WIRE} ${HIREDIS})
run("${OBJCOPY}" "--localize-symbols=${OUT}.symbols" "${OUT}.joined" "${OUT}")
file(REMOVE "${OUT}.joined" "${OUT}.symbols")
