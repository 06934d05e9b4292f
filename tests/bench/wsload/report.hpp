// What is printed: one JSON object.
#pragma once

#include "accounting.hpp"
#include "histogram.hpp"

void jraw(const char* k, const string& v);
void jn(const char* k, double v);
void js(const char* k, const string& v);
void jlat(const char* k, const Hist& h);
void jmem(const char* k, const SrvStat& s);
void print_report();
