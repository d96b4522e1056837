namespace Microsoft.ML.Data;

/// <summary>The annotation that names a concatenated vector's slots after the columns they came from.</summary>
internal static class SlotNames
{
    internal const string Kind = "SlotNames";

    internal static SchemaShape.Column Promise => new(Kind, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance);

    internal static DataViewSchema.Annotations Of(DataViewSchema.Column[] sources, int size)
    {
        if (!sources.Any(source => source.Type is not VectorDataViewType || HasNames(source)))
            return null;
        var schema = new DataViewSchema.Builder();
        schema.AddColumn(Kind, new VectorDataViewType(TextDataViewType.Instance, size));
        return new DataViewSchema.Annotations(schema.ToSchema(), (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)Get);

        void Get(ref VBuffer<ReadOnlyMemory<char>> value)
        {
            var names = new List<ReadOnlyMemory<char>>(size);
            foreach (var source in sources)
                names.AddRange(source.Type is VectorDataViewType ? NamesWithin(source) : [source.Name.AsMemory()]);
            value = new VBuffer<ReadOnlyMemory<char>>(size, [.. names]);
        }
    }

    private static bool HasNames(DataViewSchema.Column column) => column.Annotations.Schema.GetColumnOrNull(Kind) != null;

    private static IEnumerable<ReadOnlyMemory<char>> NamesWithin(DataViewSchema.Column column)
    {
        if (!HasNames(column))
            return new ReadOnlyMemory<char>[DataViewTypeFacts.ValueCountOf(column.Type)];
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.Annotations.GetValue(Kind, ref names);
        return names.DenseValues().Select(name => name.IsEmpty ? name : $"{column.Name}.{name}".AsMemory());
    }
}
