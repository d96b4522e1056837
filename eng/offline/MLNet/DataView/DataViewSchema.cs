using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>The columns of a view. Of several columns with one name the last wins; the others are hidden, but keep their index.</summary>
public sealed class DataViewSchema : IReadOnlyList<DataViewSchema.Column>
{
    private readonly Column[] _columns;
    private readonly Dictionary<string, int> _visible = [];

    private DataViewSchema(Column[] columns)
    {
        _columns = columns;
        foreach (var column in columns)
            _visible[column.Name] = column.Index;
    }

    public int Count => _columns.Length;

    public Column this[int columnIndex] => columnIndex >= 0 && columnIndex < _columns.Length
        ? _columns[columnIndex]
        : throw new ArgumentOutOfRangeException(nameof(columnIndex));

    public Column this[string name] => GetColumnOrNull(name)
        ?? throw new ArgumentOutOfRangeException(nameof(name), $"Column '{name}' not found");

    public Column? GetColumnOrNull(string name)
    {
        if (string.IsNullOrEmpty(name))
            throw new ArgumentNullException(nameof(name));
        return _visible.TryGetValue(name, out int index) ? _columns[index] : null;
    }

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)_columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => $"{Count} columns";

    public struct Column
    {
        internal Column(string name, int index, bool isHidden, DataViewType type, Annotations annotations)
        {
            Name = name;
            Index = index;
            IsHidden = isHidden;
            Type = type;
            Annotations = annotations ?? Annotations.Empty;
        }

        public string Name { get; }

        public int Index { get; }

        public bool IsHidden { get; }

        public DataViewType Type { get; }

        public Annotations Annotations { get; }

        public override readonly string ToString() =>
            $"{Name}: {Type}" + (Annotations is null or { Schema.Count: 0 } ? "" : $" {{{Annotations}}}");
    }

    /// <summary>What is known about a column beyond its type, as named values of its own small schema.</summary>
    public sealed class Annotations
    {
        private readonly Delegate[] _getters;

        internal Annotations(DataViewSchema schema, params Delegate[] getters)
        {
            Schema = schema;
            _getters = getters;
        }

        public static Annotations Empty { get; } = new(new DataViewSchema([]));

        public DataViewSchema Schema { get; }

        public void GetValue<TValue>(string kind, ref TValue value)
        {
            if (Schema.GetColumnOrNull(kind) is not { } column || _getters[column.Index] is not ValueGetter<TValue> getter)
                throw new InvalidOperationException($"There is no annotation '{kind}' of type {typeof(TValue)}");
            getter(ref value);
        }

        public override string ToString() => string.Join(", ", Schema.Select(column => column.Name));
    }

    public sealed class Builder
    {
        private readonly List<(string Name, DataViewType Type, Annotations Annotations)> _added = [];

        public void AddColumn(string name, DataViewType type, Annotations annotations = null)
        {
            if (string.IsNullOrEmpty(name))
                throw new ArgumentNullException(nameof(name));
            _added.Add((name, Check.Value(type, nameof(type)), annotations));
        }

        public void AddColumns(IEnumerable<Column> source)
        {
            foreach (var column in source)
                AddColumn(column.Name, column.Type, column.Annotations);
        }

        public DataViewSchema ToSchema()
        {
            var last = new Dictionary<string, int>();
            for (int i = 0; i < _added.Count; i++)
                last[_added[i].Name] = i;
            return new DataViewSchema([.. _added.Select((column, index) =>
                new Column(column.Name, index, last[column.Name] != index, column.Type, column.Annotations))]);
        }
    }
}
