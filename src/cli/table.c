/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COLUMNS_MAX 12

struct cli_table {
	int columns;
	bool is_number[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	char **cells; /* row after row, the headings first */
	size_t rows;
};

static void *must(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "souk: out of memory\n");
		exit(EXIT_REFUSED);
	}
	return memory;
}

struct cli_table *cli_table_new(int columns, const char *const *headings, const bool *is_number)
{
	struct cli_table *table = must(calloc(1, sizeof *table));
	table->columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
	memcpy(table->is_number, is_number, (size_t)table->columns * sizeof *is_number);
	cli_table_add(table, headings);
	return table;
}

void cli_table_add(struct cli_table *table, const char *const *cells)
{
	size_t columns = (size_t)table->columns;
	table->cells =
		must(realloc(table->cells, (table->rows + 1) * columns * sizeof *table->cells));
	for (size_t i = 0; i < columns; i++) {
		table->cells[table->rows * columns + i] = must(strdup(cells[i]));
		if (strlen(cells[i]) > table->width[i])
			table->width[i] = strlen(cells[i]);
	}
	table->rows++;
}

static void print_row(const struct cli_table *table, size_t row)
{
	for (int i = 0; i < table->columns; i++) {
		const char *cell = table->cells[row * (size_t)table->columns + (size_t)i];
		bool is_last = i + 1 == table->columns;
		if (table->is_number[i])
			printf("%*s", (int)table->width[i], cell);
		else
			printf("%-*s", is_last ? 0 : (int)table->width[i], cell);
		fputs(is_last ? "\n" : "  ", stdout);
	}
}

void cli_table_print(struct cli_table *table)
{
	for (size_t row = 0; row < table->rows; row++)
		print_row(table, row);
	for (size_t i = 0; i < table->rows * (size_t)table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
