# Every tests/fuzz/fuzz_*.c is one libFuzzer program against all libraries.
if(CELLDAV_FUZZ)
	file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz_*.c)
	foreach(source IN LISTS fuzz_sources)
		get_filename_component(name ${source} NAME_WE)
		add_executable(${name} ${source})
		target_link_libraries(${name} PRIVATE
			${CELLDAV_LIBRARIES} celldav_flags)
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	endforeach()
endif()
